"""Objects that end with the statement that stored them: before the next line begins."""

ends = []


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        ends.append(self.name)


class Sink:
    """Keeps nothing of what is stored into it."""

    def __init__(self, name=""):
        object.__setattr__(self, "name", name)

    def __setattr__(self, name, value):
        pass

    def __delattr__(self, name):
        pass

    def __setitem__(self, key, value):
        pass

    def __delitem__(self, key):
        pass

    def __del__(self):
        ends.append(f"sink {self.name}")


class Keeper:
    pass


class Rows(list):
    pass


def attributes():
    sink = Sink("kept")
    sink.first = Loud("first")
    seen = len(ends)
    Sink("lone").second = Loud("second")
    seen = seen, len(ends)
    Keeper().third = Loud("third")
    seen = *seen, len(ends)
    del Sink("deleting").fourth
    return *seen, len(ends)


def items():
    sink = Sink("items")
    sink[Loud("key")] = Loud("value")
    seen = len(ends)
    Sink("lone items")[0] = Loud("fifth")
    seen = seen, len(ends)
    Rows([None])[0] = Loud("sixth")
    seen = *seen, len(ends)
    del Sink("deleting items")[Loud("seventh")]
    return *seen, len(ends)


print(attributes(), items())
print(ends)
