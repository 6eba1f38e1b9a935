"""A value at a moment: a lazy tree over the recording, and its JSON form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from escope.engine.replay.content import MAPPINGS, SEQUENCES, SETS, Content
from escope.engine.replay.contents import Contents, Place
from escope.engine.replay.scalars import TYPE_NAMES, Raw, Scalars, is_object
from escope.events import Label
from escope.storage.rows import Shape, Tag

if TYPE_CHECKING:
    from escope.storage.store import Store

DEEPEST = 100
"""Levels of nesting that JSON is given at most: encoders and readers of JSON recurse."""
MOST_ITEMS = 1_000_000


class View:
    """The contents of all objects at one place of the recording."""

    __slots__ = ("_cache", "contents", "place", "scalars", "store")

    def __init__(self, store: Store, scalars: Scalars, contents: Contents, place: Place) -> None:
        self.store = store
        self.scalars = scalars
        self.contents = contents
        self.place = place
        self._cache: dict[int, Content | None] = {}

    def content(self, object_id: int) -> Content | None:
        """The object's content here; None where nothing was recorded of it."""
        if object_id not in self._cache:
            self._cache[object_id] = self.contents.at(object_id, self.place)
        return self._cache[object_id]

    def value(self, raw: Raw) -> Value:
        """The value that `raw` stands for here."""
        return Value(self, raw)


class Child(NamedTuple):
    """One branch of a value: `kind` is item, entry, element or attribute."""

    kind: str
    name: int | str | Value | None
    """Index of an item, name of an attribute, key of an entry; None for an element of a set."""
    value: Value


class Value:
    """One value at one moment.  Everything is read when it is asked for."""

    __slots__ = ("_content", "_read", "raw", "view")

    def __init__(self, view: View, raw: Raw) -> None:
        self.view = view
        self.raw = raw
        self._content: Content | None = None
        self._read = False

    @property
    def content(self) -> Content | None:
        """What is known of the object; None for scalars and for objects never described."""
        if not self._read:
            if is_object(self.raw):
                self._content = self.view.content(self.raw[1])
            self._read = True
        return self._content

    @property
    def is_scalar(self) -> bool:
        """Whether the value has no identity."""
        return not is_object(self.raw)

    @property
    def id(self) -> int | None:
        """escope's number of the object; None for scalars."""
        return self.raw[1] if is_object(self.raw) else None

    @property
    def type_name(self) -> str:
        """The type as JSON writes it, e.g. ``list`` or ``package.module.Class``."""
        content = self.content
        if content is not None:
            return self.view.store.type(content.type_id).name
        return TYPE_NAMES.get(self.raw[0], "object")

    @property
    def shape(self) -> Shape | None:
        """What the content looks like; None for scalars."""
        content = self.content
        return None if content is None else content.shape

    @property
    def label(self) -> str | None:
        """Why the value is not exact; None where it is."""
        if is_object(self.raw):
            content = self.content
            if content is None:
                return Label.UNOBSERVED.text
            if content.label is not Label.EXACT:
                return content.label.text
            if content.shape is Shape.OPAQUE:
                return Label.OPAQUE.text
            if content.length is not None and content.length > content.size:
                return Label.TRUNCATED.text
            return None
        if self.raw[0] == Tag.NOTHING:
            return Label.UNOBSERVED.text
        label = self.view.scalars.label(self.raw)
        return None if label is Label.EXACT else label.text

    @property
    def scalar(self) -> Any:
        """The Python scalar.  Raises RecordingError where there is none; see `is_scalar`."""
        return self.view.scalars.python(self.raw)

    @property
    def length(self) -> int | None:
        """The number of items, also where not all are known; None for values without length."""
        content = self.content
        if content is None:
            if self.raw[0] in (Tag.STR, Tag.BYTES):
                return self.view.scalars.full_length(self.raw)
            return None
        if content.shape in SEQUENCES or content.shape in SETS or content.shape in MAPPINGS:
            return content.size if content.length is None else content.length
        if content.shape is Shape.BYTEARRAY and content.scalar is not None:
            return self.view.scalars.full_length(content.scalar)
        return None

    @property
    def child_count(self) -> int:
        """How many branches `children` gives."""
        content = self.content
        return 0 if content is None else content.size + len(content.attributes)

    def children(self, start: int = 0, stop: int | None = None) -> Iterator[Child]:
        """The branches from `start` to `stop`: items, entries or elements first, then attributes."""
        content = self.content
        if content is None:
            return
        size = content.size
        stop = self.child_count if stop is None else min(stop, self.child_count)
        if start < size:
            if content.shape in SEQUENCES:
                for index in range(start, min(stop, size)):
                    yield Child("item", index, self._at(content.items[index]))
            else:
                kind = "element" if content.shape in SETS else "entry"
                for key, value in list(content.entries.values())[start:stop]:
                    name = None if kind == "element" else self._at(key)
                    yield Child(kind, name, self._at(value))
        if stop > size:
            attributes = list(content.attributes.items())
            for text, value in attributes[max(start - size, 0) : stop - size]:
                yield Child("attribute", text, self._at(value))

    def attribute(self, name: str) -> Value | None:
        """The recorded attribute; None if there is none."""
        content = self.content
        if content is None or name not in content.attributes:
            return None
        return self._at(content.attributes[name])

    def summary(self, width: int = 80) -> str:
        """One line of at most `width` characters, control characters escaped."""
        from escope.engine.replay.summary import summarise

        return summarise(self, width)

    def to_json(self, depth: int | None = None, items: int | None = None) -> dict[str, Any]:
        """The VALUE of the contract, at most `depth` levels of `items` items each.

        What is left out by these bounds carries the label `truncated`.
        """
        return Document(depth, items).value(self)

    def _at(self, raw: Raw) -> Value:
        return Value(self.view, raw)

    def __repr__(self) -> str:
        return f"<Value {self.summary(60)}>"


class Document:
    """One JSON document: an object printed in it once is a reference from then on."""

    def __init__(self, depth: int | None = None, items: int | None = None) -> None:
        self.depth = DEEPEST if depth is None else min(depth, DEEPEST)
        self.items = MOST_ITEMS if items is None else items
        self._printed: set[int] = set()

    def note(self, numbers: set[int]) -> None:
        """Take these objects for printed: a reference stands for them."""
        self._printed |= numbers

    def value(self, value: Value, level: int = 0) -> dict[str, Any]:
        """The VALUE of the contract."""
        if value.is_scalar:
            return self._scalar(value)
        number = value.id
        assert number is not None
        if number in self._printed:
            return {"ref": number}
        content = value.content
        result: dict[str, Any] = {"type": value.type_name, "id": number}
        label = value.label
        if content is None:
            result["label"] = label
            return result
        length = value.length
        shape = content.shape
        scalars = value.view.scalars
        if length is not None:
            result["length"] = length
        if shape is Shape.NAMED and content.name is not None:
            result["name"] = scalars.python(content.name)
        if shape is Shape.BYTEARRAY and content.scalar is not None:
            result["repr"] = f"{'bytearray'}({scalars.show(content.scalar)})"
        if shape is Shape.SCALAR and content.scalar is not None:
            result["repr"] = scalars.show(content.scalar)
        if content.scalar is not None and label is None and scalars.label(content.scalar):
            label = scalars.label(content.scalar).text
        if content.summary is not None:
            result["summary"] = scalars.python(content.summary)
        fields = value.view.store.type(content.type_id).fields
        if fields and shape is Shape.TUPLE:
            result["fields"] = list(fields)
        has_items = shape in SEQUENCES or shape in SETS or shape in MAPPINGS
        if level >= self.depth and (content.size or content.attributes):
            # Not noted as printed, so that a place nearer to the root still shows it in full.
            result["label"] = label or Label.TRUNCATED.text
            return result
        self._printed.add(number)
        if has_items:
            result["items"] = self._items(value, content, level + 1)
            if content.size > self.items:
                label = label or Label.TRUNCATED.text
        if content.attributes or shape is Shape.INSTANCE:
            result["attributes"] = {
                name: self.value(Value(value.view, raw), level + 1)
                for name, raw in list(content.attributes.items())[: self.items]
            }
            if len(content.attributes) > self.items:
                label = label or Label.TRUNCATED.text
        if label is not None:
            result["label"] = label
        return result

    def _items(self, value: Value, content: Content, level: int) -> list[Any]:
        view = value.view
        if content.shape in SEQUENCES:
            return [self.value(Value(view, raw), level) for raw in content.items[: self.items]]
        pairs = list(content.entries.values())[: self.items]
        if content.shape in SETS:
            return [self.value(Value(view, raw), level) for _, raw in pairs]
        return [
            [self.value(Value(view, key), level), self.value(Value(view, raw), level)]
            for key, raw in pairs
        ]

    def _scalar(self, value: Value) -> dict[str, Any]:
        label = value.label
        tag = value.raw[0]
        if tag in (Tag.LABEL, Tag.NOTHING):
            return {"type": "object", "label": label}
        result: dict[str, Any] = {
            "type": value.type_name,
            "repr": value.view.scalars.show(value.raw),
        }
        if label is not None:
            if tag in (Tag.STR, Tag.BYTES):
                result["length"] = value.length or 0
            result["label"] = label
        return result
