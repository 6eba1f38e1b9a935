"""Class bodies, metaclasses, super(), descriptors set by name, nested and generated classes."""


class Registry(type):
    known = {}

    @classmethod
    def __prepare__(mcls, name, bases, **options):
        return {"prepared": name.lower()}

    def __new__(mcls, name, bases, namespace, **options):
        cls = super().__new__(mcls, name, bases, namespace)
        mcls.known[name] = sorted(key for key in namespace if not key.startswith("__"))
        cls.options = options
        return cls

    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        instance = super().__call__(*args, **kwargs)
        instance.made_by = cls.__name__
        return instance


class Base(metaclass=Registry, colour="red"):
    limit = 3
    if limit > 2:
        size = "big"
    else:
        size = "small"
    for index in range(2):
        last = index
    del index

    def __init__(self, value):
        self.value = value

    def describe(self):
        return f"base {self.value}"


class Child(Base):
    def __init__(self, value, extra):
        super().__init__(value)
        self.extra = extra

    def describe(self):
        own = super().describe()
        return own + f" child {self.extra}"

    @classmethod
    def build(cls, text):
        return cls(*text.split(","))

    @staticmethod
    def helper(a, b=2):
        return a * b

    class Inner:
        depth = 2

        def outer_name(self):
            return __class__.__qualname__


class Hooked:
    subclasses = []

    def __init_subclass__(cls, /, tag=None, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.tag = tag
        Hooked.subclasses.append((cls.__name__, tag))


class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(instance, self.name)

    def __set__(self, instance, value):
        if value < 0:
            raise ValueError(f"{self.name}: {value}")
        setattr(instance, self.name, value)


class First(Hooked, tag="f"):
    amount = Positive()

    def __init__(self, amount):
        self.amount = amount


class Second(First, tag="s"):
    amount = Positive()


class Left:
    def visit(self):
        return ["left"]


class A(Left):
    def visit(self):
        return ["a"] + super().visit()


class B(Left):
    def visit(self):
        return ["b"] + super().visit()


class Diamond(A, B):
    def visit(self):
        return ["diamond"] + super().visit()


def make_class(name, number):
    class Local:
        tag = name
        square = number * number

        def get(self):
            return self.tag, self.square, name

    Local.__name__ = name
    return Local


def two_of_a_name(shared):
    class Own:
        first, *shared = shared_before
        own = shared
        shared += ["own"]

        def outer(self):
            return shared

    return Own.shared, Own().outer()


shared_before = [1, 2]
print(two_of_a_name(["outer", "one", "two"]))
child = Child("v", "e")
print(child.describe(), child.made_by, Child.options, Base.options)
print(Child.build("1,2").describe(), Child.helper(4), Child.Inner().outer_name())
print(Registry.known)
first = Second(5)
print(first.amount, Hooked.subclasses)
try:
    first.amount = -1
except ValueError as error:
    print(error)
print(Diamond().visit())
local = make_class("Made", 7)
print(local().get(), local.__name__)
dynamic = type("Dynamic", (Base,), {"limit": 99, "shout": lambda self: self.describe().upper()})
print(dynamic("d").shout(), dynamic.limit)
try:

    class Broken:
        fine = 1
        broken = fine / 0

except ZeroDivisionError as error:
    print("class body failed:", error)
