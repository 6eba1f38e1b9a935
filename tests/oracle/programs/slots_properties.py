"""__slots__, properties, __getattr__, __setattr__, descriptors, class attributes behind instances."""


class Point:
    __slots__ = ("x", "y", "__weakref__")

    def __init__(self, x, y):
        self.x = x
        self.y = y


class Point3(Point):
    __slots__ = ("z",)

    def __init__(self, x, y, z):
        super().__init__(x, y)
        self.z = z


class Mixed(Point):
    def __init__(self):
        super().__init__(1, 2)
        self.extra = {"in": "dict"}


class Private:
    __slots__ = ("__hidden", "shown")

    def __init__(self):
        self.__hidden = [1]
        self.shown = 2

    def grow(self):
        self.__hidden.append(len(self.__hidden) + 1)
        return self.__hidden


class Celsius:
    reads = 0

    def __init__(self, degrees):
        self._degrees = degrees

    @property
    def fahrenheit(self):
        type(self).reads += 1
        return self._degrees * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        self._degrees = (value - 32) * 5 / 9

    @fahrenheit.deleter
    def fahrenheit(self):
        self._degrees = None


class Dynamic:
    def __init__(self):
        self.stored = {}

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return f"made up {name}"

    def __setattr__(self, name, value):
        if name != "stored":
            self.stored[name] = value
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        self.stored.pop(name)
        super().__delattr__(name)


class Redirected:
    def __init__(self):
        self.__dict__["direct"] = 1

    def __setattr__(self, name, value):
        self.__dict__[name + "_"] = value


class Lazy:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        value = self.function(instance)
        instance.__dict__[self.function.__name__] = value
        return value


class Report:
    title = "class title"
    shared = []

    @Lazy
    def body(self):
        return ["computed", self.title]


def use_points():
    p = Point(1, 2)
    q = Point3(1, 2, 3)
    p.x += 10
    q.z = [q.x]
    q.z.append(q.y)
    del p.y
    try:
        p.w = 1
    except AttributeError as error:
        message = type(error).__name__
    m = Mixed()
    m.free = m.extra
    m.extra["more"] = 1
    return p.x, hasattr(p, "y"), q.z, message, m.free


def use_properties():
    c = Celsius(100)
    first = c.fahrenheit
    c.fahrenheit = 32
    second = c._degrees
    del c.fahrenheit
    return first, second, c._degrees, Celsius.reads


def use_dynamic():
    d = Dynamic()
    d.a = 1
    d.b = [2]
    d.b.append(3)
    del d.a
    r = Redirected()
    r.name = "redirected"
    setattr(r, "other", 5)
    r.__dict__.update(bulk=6)
    object.__setattr__(r, "plain", 7)
    return d.stored, d.anything, vars(r)


def use_class_attributes():
    a, b = Report(), Report()
    a.shared.append("via a")
    b.title = "own"
    first = a.body
    second = b.body
    Report.title = "changed"
    Report.added = 1
    del Report.added
    a.__dict__ = {"replaced": True}
    return b.shared, first, second, a.title, b.title, vars(a)


print(use_points())
print(use_properties())
print(use_dynamic())
print(use_class_attributes())
private = Private()
private.grow()
print(private.grow(), private.shown)
