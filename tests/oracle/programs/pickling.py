"""pickle, copy and marshal: functions by reference, instances by content, code by value."""

import copy
import copyreg
import io
import marshal
import pickle
import types


def plain(a, b=2):
    return a * b


class Record:
    kinds = 0

    def __init__(self, name, items):
        self.name = name
        self.items = items

    def method(self, x):
        return [x, *self.items]


class Stateful(Record):
    def __getstate__(self):
        return {"name": self.name, "count": len(self.items)}

    def __setstate__(self, state):
        self.name = state["name"].upper()
        self.items = [0] * state["count"]


class Reduced:
    def __init__(self, a, b):
        self.a = a
        self.b = b

    def __reduce__(self):
        return Reduced, (self.b, self.a)


class Slotted:
    __slots__ = ("value",)


def round_trip(value):
    return pickle.loads(pickle.dumps(value))


def functions():
    same = round_trip(plain) is plain
    method = round_trip(Record("m", [1]).method)
    return same, method(0), round_trip(Record) is Record


def instances():
    record = Record("r", [1, [2]])
    other = round_trip(record)
    other.items[1].append(3)
    stateful = round_trip(Stateful("s", [1, 2]))
    reduced = round_trip(Reduced(1, 2))
    slotted = Slotted()
    slotted.value = {"k": slotted}
    back = round_trip(slotted)
    return record.items, other.items, stateful.name, stateful.items, reduced.a, back.value["k"] is back


def copies():
    original = {"list": [1, 2], "record": Record("c", [[]])}
    shallow = copy.copy(original)
    deep = copy.deepcopy(original)
    original["list"].append(3)
    original["record"].items[0].append("x")
    return shallow["list"], deep["list"], shallow["record"].items, deep["record"].items


def code_objects():
    code = compile("value = 6 * 7", "<generated>", "exec")
    again = marshal.loads(marshal.dumps(code))
    scope = {}
    exec(again, scope)
    clone = types.FunctionType(plain.__code__, globals(), "clone", (5,))
    replaced = types.FunctionType(plain.__code__.replace(co_name="other"), globals())
    return scope["value"], clone(2), replaced(2, 3), replaced.__name__


def through_stream():
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream)
    shared = [1]
    pickler.dump((shared, shared))
    stream.seek(0)
    a, b = pickle.load(stream)
    a.append(2)
    return a is b, b


print(functions())
print(instances())
print(copies())
print(code_objects())
print(through_stream())
