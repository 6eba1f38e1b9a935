"""The content of one object, and what a change row does to it.

Keys of mappings and elements of sets are held under a canonical key, so that equal keys meet as they do in
Python: `1`, `1.0` and `True` are one key, and so are two tuples with equal items.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from escope.engine.replay.scalars import NOTHING, Raw, label_of
from escope.errors import RecordingError
from escope.events import Kind, Label
from escope.storage.rows import Detail, Shape, Tag

SEQUENCES = frozenset({Shape.LIST, Shape.TUPLE, Shape.DEQUE, Shape.CELL})
SETS = frozenset({Shape.SET, Shape.FROZENSET})
MAPPINGS = frozenset({Shape.DICT, Shape.NAMESPACE})

Canonical = Callable[[Raw], Hashable]
"""Gives the canonical key of a row's value."""


class Content:
    """What one object holds at one moment.  Treated as immutable once it has been handed out."""

    __slots__ = (
        "attributes",
        "cursor",
        "entries",
        "items",
        "label",
        "length",
        "name",
        "scalar",
        "shape",
        "summary",
        "type_id",
    )

    def __init__(self, type_id: int, shape: Shape, label: Label = Label.EXACT) -> None:
        self.type_id = type_id
        self.shape = shape
        self.label = label
        self.items: list[Raw] = []
        self.entries: dict[Hashable, tuple[Raw, Raw]] = {}
        self.attributes: dict[str, Raw] = {}
        self.length: int | None = None
        """The true length where items are truncated."""
        self.name: Raw | None = None
        self.scalar: Raw | None = None
        self.summary: Raw | None = None
        self.cursor = 0

    def copy(self) -> Content:
        """A copy that can be changed without changing this one."""
        twin = Content(self.type_id, self.shape, self.label)
        twin.items = self.items.copy()
        twin.entries = self.entries.copy()
        twin.attributes = self.attributes.copy()
        twin.length = self.length
        twin.name = self.name
        twin.scalar = self.scalar
        twin.summary = self.summary
        twin.cursor = self.cursor
        return twin

    @property
    def size(self) -> int:
        """Items or entries that are known."""
        return len(self.items) + len(self.entries)

    @property
    def known(self) -> bool:
        """Whether all items are there."""
        return self.label is Label.EXACT and (self.length is None or self.length <= self.size)

    def apply_detail(self, site: int, raw: Raw, key: Raw, names: Names) -> None:
        """Apply a detail row that changes this object.  Raises RecordingError if it does not fit."""
        shape = self.shape
        if site == Detail.ITEM:
            if shape in SETS:
                self.entries.setdefault(names.canonical(raw), (raw, raw))
            elif shape is Shape.CELL:
                self.items = [raw]
            else:
                self.items.append(raw)
        elif site == Detail.ENTRY:
            self.set_entry(names.canonical(key), key, raw)
        elif site == Detail.ATTR:
            self.attributes[names.text(key)] = raw
        elif site == Detail.REMOVE:
            self.entries.pop(names.canonical(raw), None)
        elif site == Detail.REMOVE_ATTR:
            self.attributes.pop(names.text(raw), None)
        elif site == Detail.SPLICE:
            start, count = raw[1] >> 32, raw[1] & 0xFFFF_FFFF
            if start > len(self.items):
                raise RecordingError(f"the recording is damaged: splice at {start} of {self.size}")
            del self.items[start : start + count]
            self.cursor = start
        elif site == Detail.INSERT:
            self.items.insert(self.cursor, raw)
            self.cursor += 1
        elif site == Detail.CLEAR:
            self.items = []
            self.entries = {}
            self.length = None
        elif site == Detail.LENGTH:
            self.length = raw[1]
        elif site == Detail.NAME:
            self.name = raw
        elif site == Detail.SCALAR:
            self.scalar = raw
        elif site == Detail.SUMMARY:
            self.summary = raw
        elif site == Detail.RELABEL:
            self.label = label_of(raw[1])

    def apply_event(self, kind: int, raw: Raw, key: Raw, name: str | None, names: Names) -> None:
        """Apply an event row that is at the same time a change of this object.

        `name` is the site's name.  Raises RecordingError if it does not fit.
        """
        if kind in (Kind.STORE, Kind.DELETE):
            if self.shape is Shape.CELL:
                self.items = [raw] if kind == Kind.STORE and raw[0] != Tag.NOTHING else []
            elif name is not None:
                if kind == Kind.STORE:
                    self.set_entry(name, (int(Tag.STR), name), raw)
                else:
                    self.entries.pop(name, None)
        elif kind == Kind.SETATTR:
            if name is not None:
                self.attributes[name] = raw
        elif kind == Kind.DELATTR:
            if name is not None:
                self.attributes.pop(name, None)
        elif self.shape in SEQUENCES:
            index = key[1] if key[0] == Tag.INT else -1
            if not 0 <= index < len(self.items):
                raise RecordingError(f"the recording is damaged: item {index} of {self.size}")
            if kind == Kind.SETITEM:
                self.items[index] = raw
            else:
                del self.items[index]
        elif kind == Kind.SETITEM:
            self.set_entry(names.canonical(key), key, raw)
        else:
            self.entries.pop(names.canonical(key), None)

    def set_entry(self, canonical: Hashable, key: Raw, value: Raw) -> None:
        """Set an entry in place where the key is there (which keeps the first key), else at the end."""
        old = self.entries.get(canonical)
        self.entries[canonical] = (key if old is None else old[0], value)

    def attribute(self, name: str) -> Raw:
        """The attribute, or `NOTHING`."""
        return self.attributes.get(name, NOTHING)


class Names:
    """Canonical keys and attribute names, resolved for the rows that are being applied."""

    __slots__ = ("canonical", "text")

    def __init__(self, canonical: Canonical, text: Callable[[Raw], str]) -> None:
        self.canonical = canonical
        self.text = text


def attribute_name(scalars: Any, raw: Raw) -> str:
    """The attribute name in `raw`.  Raises RecordingError if it is not a string."""
    if raw[0] != Tag.STR:
        raise RecordingError(f"the recording is damaged: attribute name with tag {raw[0]}")
    value = raw[1]
    return value if isinstance(value, str) else scalars.text(value)
