"""copy, deepcopy, replaced and restored state: new objects that share some of the old ones' content."""

import copy
import dataclasses
import pickle


@dataclasses.dataclass
class Node:
    name: str
    links: list = dataclasses.field(default_factory=list)
    parent: object = None


class Counted:
    made = 0

    def __init__(self, content):
        self.content = content
        Counted.made += 1

    def __copy__(self):
        twin = Counted(self.content)
        twin.origin = self
        return twin

    def __reduce__(self):
        # Not __deepcopy__: its memo has addresses for keys, which differ in every run.
        return Counted, (self.content,)


class Kept:
    def __init__(self):
        self.items = {1, 2}
        self.dropped = [3]

    def __getstate__(self):
        state = self.__dict__.copy()
        del state["dropped"]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.restored = True


def graph():
    root = Node("root")
    child = Node("child", parent=root)
    root.links += [child, root]
    twin = copy.deepcopy(root)
    twin.links[0].name = "changed"
    twin.links[0].links.append(twin.links)
    return root.links[0].name, twin.links[1] is twin, twin.links[0].parent is twin


def custom():
    first = Counted([[1], {2: (3,)}])
    shallow = copy.copy(first)
    deep = copy.deepcopy([first, first])
    first.content[0].append(4)
    deep[0].content.clear()
    return shallow.content, shallow.origin is first, deep[1].content, Counted.made


def states():
    one = Kept()
    other = pickle.loads(pickle.dumps(one))
    third = copy.copy(one)
    third.items.add(9)
    return other.items, vars(other).keys() - {"items"}, one.items, hasattr(third, "dropped")


def replaced():
    node = Node("a", links=[1])
    other = dataclasses.replace(node, name="b")
    other.links.append(2)
    return dataclasses.astuple(node), dataclasses.asdict(other)


print(graph())
print(custom())
print(states())
print(replaced())
