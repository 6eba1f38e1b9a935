"""dataclasses, namedtuples, enums by functional call, TypedDict: classes with generated code."""

import collections
import dataclasses
import enum
import typing
from dataclasses import dataclass, field


@dataclass
class Item:
    name: str
    price: float = 1.0
    tags: list = field(default_factory=list)

    def __post_init__(self):
        self.label = f"{self.name}:{self.price}"


@dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int = 0


@dataclass(slots=True)
class Slim:
    a: int
    b: list = field(default_factory=lambda: [0])


@dataclass
class Special(Item):
    discount: dataclasses.InitVar[float] = 0.0

    def __post_init__(self, discount):
        super().__post_init__()
        self.price -= discount


Point = collections.namedtuple("Point", "x y", defaults=[0])


class Named(typing.NamedTuple):
    key: str
    values: list = []

    def doubled(self):
        return self.values * 2


Level = enum.Enum("Level", ["LOW", "HIGH"])


class Mode(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    BOTH = READ | WRITE


class Planet(enum.Enum):
    EARTH = (5.9, 6.3)
    MARS = (0.6, 3.3)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius

    @property
    def ratio(self):
        return round(self.mass / self.radius, 2)


class Options(typing.TypedDict, total=False):
    debug: bool


def use():
    item = Item("pen")
    item.tags.append("blue")
    other = dataclasses.replace(item, price=2.5)
    other.tags.append("shared")
    return item, other, item == other


def frozen():
    version = Version(3, 12)
    try:
        version.major = 4
    except dataclasses.FrozenInstanceError as error:
        message = str(error)
    return version < Version(4), message, hash(version) == hash(Version(3, 12))


def tuples():
    p = Point(3)
    q = p._replace(y=9)
    n = Named("k", [1])
    x, y = q
    return p, q, n.doubled(), p._asdict(), x + y


def slim():
    s = Slim(1)
    s.b.append(2)
    s.a = "changed"
    return dataclasses.asdict(s)


item, other, equal = use()
print(item, other, equal)
print(frozen())
print(tuples())
print(slim())
print(Special("bag", 10.0, discount=4.0).price)
print(Level.LOW, Level["HIGH"], [l.name for l in Level])
mode = Mode.READ
mode |= Mode.WRITE
print(mode == Mode.BOTH, Mode.READ in mode, mode.value)
print(Planet.EARTH.ratio, Planet((0.6, 3.3)))
options: Options = {"debug": True}
options["debug"] = not options["debug"]
print(options)
