"""What the encoder writes of an object, decoded the obvious way, is the object as it is."""

from __future__ import annotations

import struct
from collections import OrderedDict, deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from escope.config import CaptureLimits
from escope.engine.capture.core import CORE
from escope.engine.capture.encoder import Encoder
from escope.storage.rows import Shape
from tests.capture.rowmodel import RowModel


def make_encoder(limits: CaptureLimits) -> Encoder:
    """The encoder of the core at work."""
    if CORE == "c":
        from escope.engine.capture.native import NativeEncoder

        return NativeEncoder(limits)
    return Encoder(limits)


class Thing:
    """A plain instance."""


class Slotted:
    __slots__ = ("left", "right")


class Hostile:
    """Every special method raises: capture must not run any."""

    def _fail(self, *args: Any) -> Any:
        raise AssertionError("capture ran code of the program")

    __eq__ = __hash__ = __repr__ = __str__ = __len__ = __iter__ = __bool__ = __getattr__ = _fail  # type: ignore[assignment]
    __getattribute__ = _fail  # type: ignore[assignment]


def live_tree(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """The same form as `RowModel.tree`, from the live object."""
    cls = type(value)
    if value is None:
        return "none", 0
    if cls is bool:
        return "bool", int(value)
    if cls is int:
        if -(1 << 63) <= value < 1 << 63:
            return "int", value
        return "bigint", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    if cls is float:
        return "float", struct.unpack("<Q", struct.pack("<d", value))[0]
    if cls is str:
        return "str", value.encode("utf-8", "surrogatepass")
    if cls is bytes:
        return "bytes", value
    if id(value) in seen:
        return "cycle", seen.index(id(value))
    inner = (*seen, id(value))
    if cls in (dict, OrderedDict):
        return "DICT", [(live_tree(k, inner), live_tree(v, inner)) for k, v in value.items()], {}
    if cls in (set, frozenset):
        name = "SET" if cls is set else "FROZENSET"
        return name, sorted((live_tree(each, inner) for each in value), key=repr), {}
    if cls in (list, tuple, deque):
        return cls.__name__.upper(), [live_tree(each, inner) for each in value], {}
    if cls is Slotted:
        names = [name for name in ("left", "right") if hasattr(value, name)]
    else:
        names = list(vars(value))
    return "INSTANCE", [], {name: live_tree(getattr(value, name), inner) for name in names}


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 3)
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=20)
)


@given(scalars)
def test_a_scalar_comes_back_bit_for_bit(value: Any) -> None:
    encoder, model = make_encoder(CaptureLimits()), RowModel()
    tag, number = encoder.token(value)
    model.feed(bytes(encoder.out))
    assert model.scalar(tag, number) == live_tree(value)


class World:
    """Some containers that refer to each other, and random changes of them."""

    def __init__(self) -> None:
        self.list: list[Any] = []
        self.dict: dict[Any, Any] = {}
        self.ordered: OrderedDict[Any, Any] = OrderedDict()
        self.set: set[Any] = set()
        self.deque: deque[Any] = deque()
        self.thing = Thing()
        self.slotted = Slotted()
        self.all = [
            self.list, self.dict, self.ordered, self.set, self.deque, self.thing, self.slotted,
        ]  # fmt: skip

    def change(self, data: st.DataObject) -> None:
        value = data.draw(scalars | st.sampled_from(self.all) | st.tuples(scalars, scalars))
        key = data.draw(st.integers(-2, 4) | st.sampled_from(["a", "b", True, 1.0, None]))
        choice = data.draw(st.integers(0, 15))
        actions = [
            lambda: self.list.append(value),
            lambda: self.list.insert(data.draw(st.integers(0, 5)), value),
            lambda: self.list.reverse(),
            lambda: self.list.pop() if self.list else None,
            lambda: self.list.clear(),
            lambda: self.list.__setitem__(slice(1, 3), [value, value]),
            lambda: self.dict.__setitem__(key, value),
            lambda: self.dict.pop(key, None),
            lambda: self.ordered.__setitem__(key, value),
            lambda: self.ordered.move_to_end(key) if key in self.ordered else None,
            lambda: self.set.add(key),
            lambda: self.set.discard(key),
            lambda: self.deque.appendleft(value),
            lambda: setattr(self.thing, f"x{key}", value),
            lambda: setattr(self.slotted, data.draw(st.sampled_from(["left", "right"])), value),
            lambda: vars(self.thing).pop(f"x{key}", None),
        ]
        actions[choice]()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_changes_of_containers_lead_to_their_content(data: st.DataObject) -> None:
    world = World()
    encoder, model = make_encoder(CaptureLimits()), RowModel()
    roots = [encoder.follow(each) for each in world.all]
    encoder.drain()
    for _ in range(data.draw(st.integers(1, 25))):
        world.change(data)
        for root in roots:
            encoder.check(root, "test")
        encoder.drain()
    model.feed(bytes(encoder.out))
    for live, root in zip(world.all, roots, strict=True):
        assert model.tree(("object", root.object_id)) == live_tree(live)


def test_no_special_method_of_the_program_runs() -> None:
    hostile = Hostile()
    held = [hostile, {"key": hostile}, (hostile,), {Thing: hostile}]
    encoder, model = make_encoder(CaptureLimits()), RowModel()
    root = encoder.follow(held)
    encoder.drain()
    encoder.check(root, "test")
    model.feed(bytes(encoder.out))
    shapes = [known["shape"] for known in model.objects.values()]
    assert shapes.count(Shape.INSTANCE) == 1


def test_a_long_chain_of_objects_needs_no_recursion() -> None:
    chain: list[Any] = []
    for _ in range(15_000):
        chain = [chain]
    encoder = make_encoder(CaptureLimits())
    encoder.follow(chain)
    encoder.drain()
    model = RowModel()
    model.feed(bytes(encoder.out))
    assert len(model.objects) == 15_001


def test_a_container_beyond_the_bound_is_labelled_and_keeps_its_length() -> None:
    encoder, model = make_encoder(CaptureLimits(items=10)), RowModel()
    big = list(range(50))
    root = encoder.follow(big)
    encoder.drain()
    big.append(1)
    big[3] = "x"  # type: ignore[call-overload]
    encoder.check(root, "test")
    model.feed(bytes(encoder.out))
    known = model.objects[root.object_id]
    assert known["label"] == 1
    assert known["items"][3] == ("str", b"x")
    assert len(known["items"]) == 10
