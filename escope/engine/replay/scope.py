"""Recorded frames and objects, as predicates see them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from escope.engine.predicate import ABSENT, Unanswerable
from escope.engine.replay.content import SEQUENCES, Content
from escope.engine.replay.scalars import Raw, Scalars
from escope.events import Label
from escope.storage.rows import Shape, Tag

if TYPE_CHECKING:
    from escope.engine.replay.state import FrameState
    from escope.storage.store import Store

_KINDS = {
    Shape.LIST: "list",
    Shape.TUPLE: "tuple",
    Shape.DEQUE: "deque",
    Shape.SET: "set",
    Shape.FROZENSET: "frozenset",
    Shape.DICT: "dict",
    Shape.NAMESPACE: "dict",
    Shape.BYTEARRAY: "bytearray",
    Shape.SCALAR: "scalar",
    Shape.NAMED: "named",
    Shape.INSTANCE: "instance",
}


class Contained(Protocol):
    """Where a handle reads: a view of one moment."""

    store: Store
    scalars: Scalars

    def content(self, object_id: int) -> Content | None:
        """The object's content at the moment."""


class FrameScope:
    """The names that a frame can see."""

    __slots__ = ("_frame",)

    def __init__(self, frame: FrameState) -> None:
        self._frame = frame

    def lookup(self, name: str) -> Any:
        """The value of a local, cell or global; `ABSENT` if there is none."""
        frame = self._frame
        raw = frame.variables.raws.get(name)
        if raw is None and not hides_globals(frame.code, name):
            raw = frame.globals().raws.get(name)
        return ABSENT if raw is None else adapt(frame.state.view, raw)


class RecordedHandle:
    """A recorded object at one moment; see `predicate.Handle`."""

    __slots__ = ("_view", "identity")

    def __init__(self, view: Contained, object_id: int) -> None:
        self._view = view
        self.identity: Hashable = object_id

    @property
    def kind(self) -> str:
        """See `predicate.Handle`."""
        content = self._content()
        return "opaque" if content is None else _KINDS.get(content.shape, "opaque")

    @property
    def type_name(self) -> str:
        """The name of the type."""
        return self._view.store.type(self._known().type_id).name

    def length(self) -> int:
        """Number of items."""
        content = self._known()
        if content.shape is Shape.BYTEARRAY and content.scalar is not None:
            return self._view.scalars.full_length(content.scalar)
        return content.size if content.length is None else content.length

    def items(self) -> Iterator[Any]:
        """Items, elements or keys; raises Unanswerable after the last that is known."""
        content = self._known()
        if content.shape in SEQUENCES:
            for raw in content.items:
                yield adapt(self._view, raw)
        else:
            for key, _ in content.entries.values():
                yield adapt(self._view, key)
        _complete(content)

    def entries(self) -> Iterator[tuple[Any, Any]]:
        """Keys and values; raises Unanswerable after the last that is known."""
        content = self._known()
        for key, raw in content.entries.values():
            yield adapt(self._view, key), adapt(self._view, raw)
        _complete(content)

    def item(self, index: int) -> Any:
        """One item of a sequence."""
        content = self._known()
        if index >= len(content.items):
            raise Unanswerable("the item was not recorded")
        return adapt(self._view, content.items[index])

    def entry(self, key: Any) -> Any:
        """The value under a scalar key."""
        if key != key:
            return NotImplemented
        content = self._known()
        found = content.entries.get(key)
        if found is not None:
            return adapt(self._view, found[1])
        _complete(content)
        return ABSENT

    def attribute(self, name: str) -> Any:
        """An attribute in the instance dict or a slot, or a field of a namedtuple."""
        content = self._known()
        if content.shape is Shape.TUPLE:
            fields = self._view.store.type(content.type_id).fields
            if name in fields:
                return self.item(fields.index(name))
        raw = content.attributes.get(name)
        return ABSENT if raw is None else adapt(self._view, raw)

    def scalar(self) -> Any:
        """What a scalar of a subclass, or a bytearray, holds."""
        content = self._known()
        if content.scalar is None:
            raise Unanswerable("the value was not recorded")
        return adapt(self._view, content.scalar)

    def name(self) -> str:
        """The qualified name of a function, class, module or enum member."""
        content = self._known()
        if content.name is None:
            raise Unanswerable("the name was not recorded")
        return str(self._view.scalars.python(content.name))

    def _content(self) -> Content | None:
        return self._view.content(self.identity)  # type: ignore[arg-type]

    def _known(self) -> Content:
        content = self._content()
        if content is None or content.label not in (Label.EXACT, Label.TRUNCATED):
            raise Unanswerable("the object's content is not known")
        return content


def adapt(view: Contained, raw: Raw) -> Any:
    """The value that predicates see for a row's value; raises Unanswerable where it is not exact."""
    tag, value = raw
    if tag == Tag.INT:
        return value - (1 << 64) if value >> 63 else value
    if tag == Tag.OBJECT:
        return RecordedHandle(view, value)
    if tag in (Tag.NOTHING, Tag.LABEL):
        raise Unanswerable("the value was not recorded")
    scalars = view.scalars
    if scalars.label(raw) is not Label.EXACT:
        raise Unanswerable("the value was recorded in part only")
    return scalars.python(raw)


def hides_globals(code: Any, name: str) -> bool:
    """Whether the name is a variable of the function's own, bound or not."""
    return code.flags.get("body", "function") == "function" and name in code.variables


def _complete(content: Content) -> None:
    if not content.known:
        raise Unanswerable("not all items were recorded")
