"""One object under many names, in many containers, changed through any of them."""


class Node:
    def __init__(self, name, parent=None):
        self.name = name
        self.parent = parent
        self.children = []
        if parent:
            parent.children.append(self)


def default_argument(item, seen=[]):
    seen.append(item)
    return seen


def matrix():
    row = [0] * 2
    bad = [row] * 3
    good = [list(row) for _ in range(2)]
    bad[0][0] = 1
    good[0][0] = 1
    return bad, good


def swap(a, b):
    a, b = b, a
    a.append("was b")
    return a, b


def through_function(target):
    target["changed"] = True
    target = {"other": "dict"}
    target["lost"] = True
    return target


def cycles():
    a = []
    a.append(a)
    b = {"self": None}
    b["self"] = b
    a.append(b)
    b["a"] = a
    a[0] = "cut"
    root = Node("root")
    child = Node("child", root)
    Node("grand", child).parent.children.append(root)
    return len(a), b["a"] is a, root.children[0].children[1] is root


def hidden_aliases():
    inner = [1]
    outer = ({"k": inner}, [inner, (inner,)])
    outer[0]["k"].append(2)
    outer[1][1][0].append(3)
    outer[1][0] = None
    closure = lambda: inner
    closure().append(4)
    inner = "rebound"
    return outer


def slices():
    a = [1, 2, 3, 4]
    b = a
    c = a[:]
    a[1:3] = [9]
    b += [5]
    a = a + [6]
    return a, b, c


def shared_state():
    x = Node("x")
    y = Node("y")
    x.children = y.children
    y.children.append("shared")
    x.__dict__["extra"] = x.children
    y.children = []
    return x.extra, y.children


first = default_argument(1)
second = default_argument(2)
print(first, second is first)
print(matrix())
print(swap(["a"], ["b"]))
table = {}
print(through_function(table), table)
print(cycles())
print(hidden_aliases())
print(slices())
print(shared_state())
names = letters = []
letters.append("a")
names = names + ["b"]
print(names, letters)
