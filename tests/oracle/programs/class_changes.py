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


print(reclassed())
print(growing())
print(based())
