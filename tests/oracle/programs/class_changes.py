"""Objects that get another class while they live, and classes that get other bases and attributes."""


class Local(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.hint = 400

    def reraise(self):
        self.__class__ = Remote
        raise self


class Remote(Local):
    pass


class Caterpillar:
    legs = 16

    def __init__(self, name):
        self.name = name
        self.eaten = []

    def eat(self, leaf):
        self.eaten.append(leaf)
        if len(self.eaten) == 2:
            self.__class__ = Butterfly

    def move(self):
        return f"{self.name} crawls on {self.legs} legs"


class Butterfly(Caterpillar):
    legs = 6

    def move(self):
        return f"{self.name} flies"


class Mixin:
    def move(self):
        return "mixed " + super().move()


def reclassed():
    try:
        Local("illegal").reraise()
    except Remote as error:
        return type(error).__name__, error.hint


def growing():
    animal = Caterpillar("carl")
    first = animal.move()
    animal.eat("a")
    animal.eat("b")
    second = animal.move()
    object.__setattr__(animal, "__class__", Caterpillar)
    third = animal.move()
    setattr(animal, "__class__", Butterfly)
    return first, second, third, type(animal).__name__


def based():
    class Derived(Caterpillar):
        pass

    animal = Derived("dora")
    Derived.__bases__ = (Mixin, Caterpillar)
    Derived.__name__ = "Renamed"
    Derived.legs = 3
    return animal.move(), type(animal).__name__


class Pod:
    __slots__ = ("pea",)


class Shell:
    __slots__ = ("pea",)


class Plain:
    pass


class Other:
    pass


class Cased(Plain):
    pass


class Slotted(Pod):
    __slots__ = ()


def rebased():
    """The getters of the dict and of the slots belong to a class that is no longer a base."""
    cased, slotted = Cased(), Slotted()
    cased.size, slotted.pea = [1], [2]
    cased.size.append(3)
    Cased.__bases__ = (Other,)
    Slotted.__bases__ = (Shell,)
    cased.size.append(4)
    slotted.pea.append(5)
    cased.color = "green"
    slotted.pea = {"six": 6}
    del cased.size
    after = Slotted()
    after.pea = cased
    return vars(cased), slotted.pea, vars(after.pea), isinstance(cased, Plain)


class Ordering(type):
    """Its classes are asked for before they know their bases, and may be without any."""

    def mro(cls):
        seen.append((cls.__name__, cls.__mro__ is None))
        made = type.mro(cls)
        return made

    def again(cls):
        cls.__bases__ = cls.__bases__


seen = []


def ordered():
    class First(metaclass=Ordering):
        size = 1

    class Second(First):
        def grow(self):
            self.size += 1
            return super().size

    second = Second()
    Second.again()
    second.grow()
    return seen, second.grow()


class Early(type):
    """Makes instances while the class has no bases yet."""

    def mro(cls):
        if cls.__mro__ is None:
            try:
                early = object.__new__(cls)
                early.size = 3
            except Exception as error:
                seen.append(type(error).__name__)
            seen.append(isinstance(cls, Early))
        return type.mro(cls)


def early():
    class Made(metaclass=Early):
        pass

    made = Made()
    made.size = 4
    return made.size, seen[-2:]


print(reclassed())
print(growing())
print(based())
print(rebased())
print(ordered())
print(early())
