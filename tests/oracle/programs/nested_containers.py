"""Containers inside containers, several levels deep, changed at the bottom and in the middle."""

import collections


class Cell:
    __slots__ = ("content",)

    def __init__(self, content):
        self.content = content


class Board:
    def __init__(self, width, height):
        self.rows = [[Cell(None) for _ in range(width)] for _ in range(height)]
        self.index = {}

    def put(self, x, y, piece):
        self.rows[y][x].content = piece
        self.index.setdefault(piece, set()).add((x, y))

    def move(self, piece, x, y):
        for old in sorted(self.index.pop(piece, ())):
            self.rows[old[1]][old[0]].content = None
        self.put(x, y, piece)


def inventory():
    stock = {"fruit": {"apple": [3, {"origin": ["here"]}]}, "tool": {}}
    stock["fruit"]["apple"][0] -= 1
    stock["fruit"]["apple"][1]["origin"].append("there")
    stock["fruit"]["pear"] = stock["fruit"]["apple"][:]
    stock["fruit"]["pear"][1]["origin"].clear()
    stock["tool"].update(hammer=[stock["fruit"]])
    del stock["fruit"]["apple"]
    return stock


def tuples():
    frozen = ([1], {"k": (2, [3])}, {4})
    frozen[0].append(5)
    frozen[1]["k"][1].append(6)
    frozen[2].add(7)
    pairs = [(name, [name]) for name in "ab"]
    pairs[0][1].append(pairs[1])
    table = {(1, 2): {"deep": ((), [()])}}
    table[(1, 2)]["deep"][1].append(frozenset({8}))
    return frozen, pairs, table


def graph():
    edges = collections.defaultdict(set)
    for a, b in [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")]:
        edges[a].add(b)
    distance = {"a": 0}
    queue = collections.deque(["a"])
    while queue:
        node = queue.popleft()
        for following in sorted(edges[node]):
            if following not in distance:
                distance[following] = distance[node] + 1
                queue.append(following)
    return distance, sorted(edges)


def linked(length):
    head = None
    for number in range(length):
        head = {"value": number, "next": head}
    total = 0
    node = head
    while node:
        total += node["value"]
        node["seen"] = True
        node = node["next"]
    head["next"]["next"] = None
    return total


def deep_list(levels):
    bottom = ["bottom"]
    nested = bottom
    for _ in range(levels):
        nested = [nested]
    bottom.append("changed")
    return nested


board = Board(3, 2)
board.put(0, 0, "K")
board.put(2, 1, "Q")
board.move("K", 1, 1)
print(board.index, [[cell.content for cell in row] for row in board.rows])
print(inventory())
print(tuples())
print(graph())
print(linked(12))
deep = deep_list(30)
deeper = deep_list(150)
deep[0] = deep[0][0]
print(len(str(deep)))
