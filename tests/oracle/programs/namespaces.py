"""Namespaces changed from outside: a module's dict, a class's dict, and class bodies that run in a special one."""

import enum
import sys


class Noting(dict):
    """A namespace that knows the order of its names, and changes what is stored."""

    def __init__(self, owner):
        super().__init__()
        self.owner = owner
        self.order = []

    def __setitem__(self, key, value):
        if not key.startswith("__"):
            self.order.append(key)
            if isinstance(value, int):
                value = value * 10
        super().__setitem__(key, value)

    def __missing__(self, key):
        if key.startswith("auto_"):
            value = self[key] = len(self.order)
            return value
        raise KeyError(key)


class Meta(type):
    @classmethod
    def __prepare__(mcls, name, bases):
        return Noting(name)

    def __new__(mcls, name, bases, namespace):
        cls = super().__new__(mcls, name, bases, dict(namespace))
        cls.order = namespace.order
        return cls


class Special(metaclass=Meta):
    one = 1
    two = one + auto_first
    text = "kept"
    three = [two]

    def method(self):
        return self.order

    del text


def publish(*names):
    module = sys.modules[__name__]
    module.__dict__.update({name: [name] for name in names})
    setattr(module, "by_setattr", names)
    vars(module)["by_vars"] = len(names)


def unpublish():
    globals().pop("first_name")
    delattr(sys.modules[__name__], "by_setattr")


def publish_more():
    globals().update(late=1)
    target = globals()
    target["later"] = {"late": late}
    target.setdefault("default", []).append("d")
    del target["late"]
    return sorted(name for name in target if name.startswith("late"))


@enum.global_enum
class Access(enum.IntFlag):
    READ_ACCESS = 4
    WRITE_ACCESS = 2


print(READ_ACCESS | WRITE_ACCESS == 6)
publish("first_name", "second_name")
print(first_name, second_name, by_setattr, by_vars)
unpublish()
print("first_name" in globals(), "by_setattr" in globals())
print(publish_more(), default)
print(Special.one, Special.two, Special.three, Special().method())
Special.added = 1
type.__setattr__(Special, "more", 2)
print(Special.added + Special.more)
for by_loop in range(2):
    exec("from_exec = by_loop * 2")
    print(from_exec)
