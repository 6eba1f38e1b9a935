"""Objects whose special methods raise, print or lie: nobody but the program may call them."""


class Loud:
    """Prints whatever is done to it."""

    def __init__(self, name):
        object.__setattr__(self, "name", name)

    def __getattribute__(self, name):
        print("get", name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        print("set", name)
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        print("eq")
        return True

    def __hash__(self):
        print("hash")
        return 1

    def __repr__(self):
        print("repr")
        return "Loud"

    def __str__(self):
        print("str")
        return "Loud"

    def __len__(self):
        print("len")
        return 3

    def __bool__(self):
        print("bool")
        return False

    def __iter__(self):
        print("iter")
        return iter(())

    def __getitem__(self, key):
        print("getitem")
        return key

    def __contains__(self, key):
        print("contains")
        return True

    def __format__(self, spec):
        print("format")
        return "F"

    def __dir__(self):
        print("dir")
        return []


class Raising:
    """Raises from everything."""

    def __getattribute__(self, name):
        raise RuntimeError("getattribute")

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __hash__(self):
        raise RuntimeError("hash")

    def __repr__(self):
        raise RuntimeError("repr")

    def __len__(self):
        raise RuntimeError("len")

    def __bool__(self):
        raise RuntimeError("bool")

    def __iter__(self):
        raise RuntimeError("iter")


class Liar:
    """Says it is something else."""

    @property
    def __class__(self):
        return dict

    @property
    def __dict__(self):
        return {"not": "true"}

    def items(self):
        print("never asked")
        return [("a", 1)]


class LoudList(list):
    def __getitem__(self, key):
        print("list getitem")
        return "lie"

    def __iter__(self):
        print("list iter")
        return iter(["lie"])

    def __len__(self):
        print("list len")
        return 99


class LoudDict(dict):
    def __getitem__(self, key):
        print("dict getitem")
        return "lie"

    def items(self):
        print("dict items")
        return [("lie", "lie")]

    def keys(self):
        print("dict keys")
        return ["lie"]

    def __iter__(self):
        print("dict iter")
        return iter(["lie"])


class LoudMeta(type):
    def __getattribute__(cls, name):
        print("meta get", name)
        return type.__getattribute__(cls, name)

    def __eq__(cls, other):
        print("meta eq")
        return True

    def __hash__(cls):
        print("meta hash")
        return 7

    def __repr__(cls):
        print("meta repr")
        return "meta"

    def __instancecheck__(cls, instance):
        print("meta instancecheck")
        return True


class WithMeta(metaclass=LoudMeta):
    def __init__(self, value):
        self.value = value


class LoudKey:
    def __init__(self, name):
        self.name = name

    def __hash__(self):
        print("key hash", self.name)
        return 5

    def __eq__(self, other):
        print("key eq", self.name)
        return self is other


class LoudStr(str):
    def __str__(self):
        print("str str")
        return "lie"

    def __repr__(self):
        print("str repr")
        return "lie"

    def __hash__(self):
        print("str hash")
        return str.__hash__(self)

    def __len__(self):
        print("str len")
        return 0


class LoudInt(int):
    def __int__(self):
        print("int int")
        return 0

    def __index__(self):
        print("int index")
        return 0

    def __eq__(self, other):
        print("int eq")
        return True

    __hash__ = None


def carry(loud, raising, liar):
    kept = [loud, raising, liar]
    table = {"loud": loud, "raising": raising}
    other = (liar, kept)
    alias = loud
    loud = None
    kept.append(alias)
    kept[0] = raising
    table["liar"] = liar
    del table["raising"]
    return other


def containers():
    numbers = LoudList([1, 2])
    numbers.append(3)
    list.__setitem__(numbers, 0, "first")
    table = LoudDict(a=1)
    table["b"] = 2
    table.update(c=3)
    return numbers, table


def keys():
    table = {}
    first, second = LoudKey("first"), LoudKey("second")
    table[first] = 1
    table[second] = 2
    table[first] = 3
    group = {first}
    group.add(second)
    found = second in group
    del table[first]
    return found


def scalars():
    text = LoudStr("true content")
    number = LoudInt(42)
    pair = [text, number]
    pair.reverse()
    return pair


print("start")
carried = carry(Loud("x"), Raising(), Liar())
print("carried")
boxes = containers()
print("containers")
print(keys())
print("keys")
pair = scalars()
print("scalars")
instance = WithMeta([1])
other = WithMeta(instance)
instance.value.append(2)
print("meta")
loud = carried[1][3]
if loud:
    pass
name = loud.name
print("done")
