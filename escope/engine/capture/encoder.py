"""Values into rows: scalars inline, strings once by content, objects by id with full content at first sight
and changes after that.

Rows go to `out`, which the recorder publishes at the end of each event.  Content of newly met objects is
written from a work list, so neither depth nor cycles of the program's structures matter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from escope.config import CaptureLimits
from escope.engine.capture import anatomy as an
from escope.engine.capture.differences import key_token, same, splice
from escope.engine.capture.objects import Followed, ObjectTable
from escope.events import Kind, Label
from escope.storage.rows import FIRST_SITELESS, ROW, Detail, Shape, Tag

_U64 = (1 << 64) - 1
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1
_double = struct.Struct("<d")
_u64 = struct.Struct("<Q")
_data = struct.Struct("<IIQ")
_STRING_CACHE = 16 << 20
_HIDDEN_GLOBALS = frozenset({"__builtins__"})
_MUTATE = (FIRST_SITELESS + Kind.MUTATE) << 8
_KEYFRAME_SLACK = 64
_OBJECT, _ITEM, _ENTRY, _KEY, _ATTR = (
    Detail.OBJECT << 8,
    Detail.ITEM << 8,
    Detail.ENTRY << 8,
    Detail.KEY << 8,
    Detail.ATTR << 8,
)

Token = tuple[int, int]
"""(tag, value) of a row."""


class Encoder:
    """Writes values; knows what was written of every object."""

    def __init__(self, limits: CaptureLimits) -> None:
        self.limits = limits
        self.out = bytearray()
        self.events = 0
        """Event rows put into `out` so far, published or not."""
        self.objects = ObjectTable(self._died)
        self._strings: dict[Any, int] = {}
        self._string_bytes = 0
        self._next_string = 1
        self._next_type = 1
        self._work: list[Followed] = []
        self._round = 0

    # Rows

    def row(self, head: int, aux: int, value: int) -> None:
        """Append one row."""
        self.out += ROW.pack(head, aux, value)

    def event(self, head: int, aux: int, value: int) -> None:
        """Append an event row, which ends the event."""
        self.out += ROW.pack(head, aux, value)
        self.events += 1

    # Scalars and strings

    def token(self, value: Any) -> Token:
        """How `value` stands in a row; defines strings and types it needs, notes new objects for `drain`."""
        cls = type(value)
        if cls is int:
            if _INT_MIN <= value <= _INT_MAX:
                return Tag.INT, value & _U64
            size = value.bit_length() // 8 + 1
            return Tag.BIGINT, self._blob(
                Tag.BIGINT, value, value.to_bytes(size, "little", signed=True)
            )
        if cls is str:
            return Tag.STR, self.string(value)
        if value is None:
            return Tag.NONE, 0
        if cls is bool:
            return Tag.BOOL, int(value)
        if cls is float:
            return Tag.FLOAT, _u64.unpack(_double.pack(value))[0]
        if cls is bytes:
            return Tag.BYTES, self._blob(Tag.BYTES, value, value)
        if cls is complex:
            return Tag.COMPLEX, self._blob(
                Tag.COMPLEX,
                (value, _double.pack(value.real), _double.pack(value.imag)),
                _double.pack(value.real) + _double.pack(value.imag),
            )
        if value is ...:
            return Tag.ELLIPSIS, 0
        if value is NotImplemented:
            return Tag.NOT_IMPLEMENTED, 0
        return Tag.OBJECT, self.follow(value).object_id

    def string(self, text: str) -> int:
        """The id of an exact str."""
        known = self._strings.get(text)
        if known is not None:
            return known
        return self._define_string(Tag.STR, text, text, len(text))

    def _blob(self, tag: Tag, key: Any, data: bytes) -> int:
        known = self._strings.get((tag, key))
        if known is not None:
            return known
        return self._define_string(tag, (tag, key), data, len(data))

    def _define_string(self, tag: Tag, key: Any, content: str | bytes, length: int) -> int:
        limit = self.limits.string
        if tag in (Tag.STR, Tag.BYTES) and length > limit:
            content = content[:limit]
            self.row(Detail.STRING_FULL << 8 | tag, 0, length)
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        if self._string_bytes > _STRING_CACHE:
            # Forgetting is safe: what comes again gets a new id.
            self._strings.clear()
            self._string_bytes = 0
        number = self._next_string
        self._next_string += 1
        self._strings[key] = number
        self._string_bytes += length + 100
        self.row(Detail.STRING << 8 | tag, len(data), number)
        head = Detail.DATA << 8
        for at in range(0, len(data), 12):
            piece = data[at : at + 12].ljust(12, b"\0")
            aux, low = piece[:4], piece[4:]
            self.row(head, int.from_bytes(aux, "little"), int.from_bytes(low, "little"))
        return number

    # Objects

    def follow(self, value: Any) -> Followed:
        """The `Followed` of an object; a new one is written by the next `drain`."""
        known = self.objects.get(value)
        if known is None:
            anatomy = self.objects.anatomy(type(value))
            known = self.objects.add(value, anatomy)
            self._work.append(known)
        return known

    def namespace(self, names: dict[str, Any], module: str | None = None) -> Followed:
        """The `Followed` of a module's globals or a class body's names, written at first sight.

        With `module`, a MODULE row says whose globals they are.
        """
        known = self.objects.get(names)
        if known is not None and known.anatomy.shape is Shape.NAMESPACE:
            return known
        known = self.objects.add(names, self._namespace_anatomy())
        self._work.append(known)
        number = self.string(module) if module is not None else 0
        self.drain()
        if module is not None:
            self.row(Detail.MODULE << 8, known.object_id, number)
        return known

    def _namespace_anatomy(self) -> an.Anatomy:
        anatomy = getattr(self, "_namespace_type", None)
        if anatomy is None:
            anatomy = an.Anatomy(dict)
            anatomy.shape = Shape.NAMESPACE
            anatomy.name = "dict"
            self._namespace_type = anatomy
        return anatomy

    def item(self, value: Any) -> Any:
        """What a shadow keeps of `value`: an exact scalar itself, an object's `Followed`."""
        return value if an.is_scalar(value) else self.follow(value)

    def _item_token(self, item: Any) -> Token:
        return (Tag.OBJECT, item.object_id) if type(item) is Followed else self.token(item)

    def _type(self, anatomy: an.Anatomy) -> int:
        if not anatomy.type_id:
            name = self.string(anatomy.name)
            fields = [self.string(field) for field in anatomy.fields]
            anatomy.type_id = self._next_type
            self._next_type += 1
            self.row(Detail.TYPE << 8 | anatomy.shape, anatomy.type_id, name)
            for field in fields:
                self.row(Detail.FIELD << 8, anatomy.type_id, field)
        return anatomy.type_id

    def drain(self) -> None:
        """Write the content of every object met since the last call."""
        budget = self.limits.objects
        while self._work:
            followed = self._work.pop()
            if not followed.fresh or not followed.object_id:
                continue
            budget -= 1
            if budget >= 0:
                self.write(followed)
            else:
                # Its content follows when the program next touches it.
                followed.stale = True
                self.row(
                    _OBJECT | Label.TRUNCATED, self._type(followed.anatomy), followed.object_id
                )
                followed.fresh = False

    def write(self, followed: Followed) -> None:
        """Write the whole content of an object as it is now (first sight, or a keyframe)."""
        value = followed.target()
        if value is None:
            return
        anatomy = followed.anatomy
        followed.fresh = False
        followed.stale = False
        followed.changes = 0
        followed.checked_at = self.events
        shape = anatomy.shape
        type_id = self._type(anatomy)
        oid = followed.object_id
        if shape in an.IMMUTABLE:
            self._write_immutable(followed, value, type_id)
            return
        rows: list[tuple[int, int, int]] = []
        label = Label.OPAQUE if anatomy.concealed else Label.EXACT
        length = self._write_items(followed, value, rows)
        if length > self.limits.items:
            label = Label.TRUNCATED
            rows.insert(0, (Detail.LENGTH << 8, oid, length))
        if type(followed.items) is dict and len(followed.items) < min(length, self.limits.items):
            # Two keys that cannot be told apart (NaN is not equal to itself).
            label = Label.UNOBSERVED
        followed.length = length
        followed.attributes = {}
        if shape is not Shape.NAMESPACE and shape is not Shape.CELL:
            for name, attribute in anatomy.attributes(value).items():
                item = followed.attributes[name] = self.item(attribute)
                rows.append((_KEY | Tag.STR, 0, self.string(name)))
                tag, number = self._item_token(item)
                rows.append((_ATTR | tag, oid, number))
            self._note_dict(followed, value)
        self.row(_OBJECT | label, type_id, oid)
        for head, aux, number in rows:
            self.row(head, aux, number)

    def _note_dict(self, followed: Followed, value: Any) -> None:
        held = followed.anatomy.instance_dict(value)
        if held is not None and followed.held_dict != id(held):
            if followed.held_dict is not None:
                self.objects.by_dict.pop(followed.held_dict, None)
            followed.held_dict = id(held)
            self.objects.by_dict[id(held)] = followed

    def _write_immutable(self, followed: Followed, value: Any, type_id: int) -> None:
        oid = followed.object_id
        if followed.anatomy.shape is Shape.NAMED:
            name = self.string(an.object_name(value, followed.anatomy))
            self.row(_OBJECT, type_id, oid)
            self.row(Detail.NAME << 8 | Tag.STR, oid, name)
            return
        summary = an.opaque_summary(value)
        text = self.string(summary) if summary is not None else 0
        self.row(_OBJECT | Label.OPAQUE, type_id, oid)
        if summary is not None:
            self.row(Detail.SUMMARY << 8 | Tag.STR, oid, text)

    def _write_items(self, followed: Followed, value: Any, rows: list[tuple[int, int, int]]) -> int:
        shape, oid, limit = followed.anatomy.shape, followed.object_id, self.limits.items
        if shape in an.SEQUENCES:
            values, length = an.sequence_items(value, shape, limit)
            followed.items = [self.item(each) for each in values]
            for item in followed.items:
                tag, number = self._item_token(item)
                rows.append((_ITEM | tag, oid, number))
            return length
        if shape in an.SETS:
            values, length = an.set_items(value, limit)
            followed.items = {key_token(each, self.follow): self.item(each) for each in values}
            for item in followed.items.values():
                tag, number = self._item_token(item)
                rows.append((_ITEM | tag, oid, number))
            return length
        if shape in an.MAPPINGS:
            pairs, length = self._pairs(followed, value)
            followed.items = {}
            for key, each in pairs:
                key_item, item = self.item(key), self.item(each)
                followed.items[key_token(key, self.follow)] = (key_item, item)
                tag, number = self._item_token(key_item)
                rows.append((_KEY | tag, 0, number))
                tag, number = self._item_token(item)
                rows.append((_ENTRY | tag, oid, number))
            return length
        if shape is Shape.CELL:
            followed.items = [self.item(each) for each in cell_content(value)]
            for item in followed.items:
                tag, number = self._item_token(item)
                rows.append((_ITEM | tag, oid, number))
        elif shape is Shape.BYTEARRAY:
            followed.items = bytes(bytearray.__getitem__(value, slice(0, self.limits.string + 1)))
            tag, number = self.token(followed.items)
            rows.append((Detail.SCALAR << 8 | tag, oid, number))
            return 0
        elif shape is Shape.SCALAR:
            followed.items = an.scalar_of(value)
            tag, number = self.token(followed.items)
            rows.append((Detail.SCALAR << 8 | tag, oid, number))
        return 0

    def _pairs(self, followed: Followed, value: Any) -> tuple[list[tuple[Any, Any]], int]:
        pairs, length = an.mapping_items(value, self.limits.items)
        if followed.anatomy.shape is Shape.NAMESPACE:
            pairs = [
                pair for pair in pairs if type(pair[0]) is str and pair[0] not in _HIDDEN_GLOBALS
            ]
            length = len(pairs)
        return pairs, length

    # Changes

    def check(self, followed: Followed, operation: str) -> bool:
        """Compare an object with its shadow; write what changed, as a `mutate` event.  True if it changed.

        Cells and namespaces change without an event of their own: their changes are details of the next.
        """
        value = followed.target()
        shape = followed.anatomy.shape
        if value is None or shape in an.IMMUTABLE:
            return False
        if followed.fresh:
            return False
        followed.checked_at = self.events
        if followed.stale:
            self.drain()
            self.write(followed)
            self.drain()
            return False
        rows: list[tuple[int, int, int]] = []
        self._changed_items(followed, value, rows)
        if (
            shape is not Shape.NAMESPACE
            and shape is not Shape.CELL
            and not self._same_attributes(followed, value)
        ):
            self._changed_attributes(followed, value, rows)
        if not rows:
            return False
        self.changed(followed, rows, operation)
        return True

    def changed(self, followed: Followed, rows: list[tuple[int, int, int]], operation: str) -> None:
        """Write change rows of an object whose shadow is already up to date, as a `mutate` event."""
        name = self.string(operation)
        self.drain()
        followed.changes += len(rows)
        if followed.changes > _KEYFRAME_SLACK + 2 * (
            _size(followed.items) + len(followed.attributes)
        ):
            self.write(followed)
            self.drain()
        else:
            for head, aux, number in rows:
                self.row(head, aux, number)
        if (
            followed.anatomy.shape is not Shape.NAMESPACE
            and followed.anatomy.shape is not Shape.CELL
        ):
            self.event(_MUTATE | Tag.STR, followed.object_id, name)

    def splice_rows(
        self, oid: int, start: int, removed: int, items: Iterable[Any]
    ) -> list[tuple[int, int, int]]:
        """Change rows that replace `removed` items at `start` by `items`."""
        rows = [(Detail.SPLICE << 8, oid, start << 32 | removed)]
        for item in items:
            tag, number = self._item_token(item)
            rows.append((Detail.INSERT << 8 | tag, oid, number))
        return rows

    def _changed_items(
        self, followed: Followed, value: Any, rows: list[tuple[int, int, int]]
    ) -> None:
        shape, oid, limit = followed.anatomy.shape, followed.object_id, self.limits.items
        if shape is Shape.LIST or shape is Shape.DEQUE:
            values, length = an.sequence_items(value, shape, limit)
            start, removed, inserted = splice(followed.items, values)
            if removed or inserted:
                new = [self.item(each) for each in values[start : start + inserted]]
                followed.items[start : start + removed] = new
                rows += self.splice_rows(oid, start, removed, new)
            self._changed_length(followed, length, rows)
        elif shape is Shape.CELL:
            content = cell_content(value)
            start, removed, inserted = splice(followed.items, content)
            if removed or inserted:
                followed.items = [self.item(each) for each in content]
                rows += self.splice_rows(oid, 0, removed, followed.items)
        elif shape is Shape.SET:
            self._changed_set(followed, value, rows)
        elif shape in an.MAPPINGS:
            self._changed_mapping(followed, value, rows)
        elif shape is Shape.BYTEARRAY:
            content_bytes = bytes(bytearray.__getitem__(value, slice(0, self.limits.string + 1)))
            if content_bytes != followed.items:
                followed.items = content_bytes
                tag, number = self.token(content_bytes)
                rows.append((Detail.SCALAR << 8 | tag, oid, number))

    def _changed_length(
        self, followed: Followed, length: int, rows: list[tuple[int, int, int]]
    ) -> None:
        if length != followed.length:
            limit = self.limits.items
            if length > limit or followed.length > limit:
                rows.append((Detail.LENGTH << 8, followed.object_id, length))
                if (length > limit) != (followed.length > limit):
                    label = Label.TRUNCATED if length > limit else Label.EXACT
                    rows.append((Detail.RELABEL << 8, followed.object_id, label))
            followed.length = length

    def _changed_set(
        self, followed: Followed, value: Any, rows: list[tuple[int, int, int]]
    ) -> None:
        values, length = an.set_items(value, self.limits.items)
        new = {key_token(each, self.follow): each for each in values}
        shadow = followed.items
        for token in [token for token in shadow if token not in new]:
            tag, number = self._item_token(shadow.pop(token))
            rows.append((Detail.REMOVE << 8 | tag, followed.object_id, number))
        for token, each in new.items():
            if token not in shadow:
                item = shadow[token] = self.item(each)
                tag, number = self._item_token(item)
                rows.append((_ITEM | tag, followed.object_id, number))
        self._changed_length(followed, length, rows)

    def _changed_mapping(
        self, followed: Followed, value: Any, rows: list[tuple[int, int, int]]
    ) -> None:
        pairs, length = self._pairs(followed, value)
        shadow, oid = followed.items, followed.object_id
        new = {key_token(key, self.follow): (key, each) for key, each in pairs}
        if len(new) < len(pairs):
            self.distrust(followed)
        kept = [token for token in shadow if token in new]
        for token in [token for token in shadow if token not in new]:
            tag, number = self._item_token(shadow.pop(token)[0])
            rows.append((Detail.REMOVE << 8 | tag, oid, number))
        if kept != list(new)[: len(kept)]:
            # The order of the keys changed: no smaller change says it.
            rows.append((Detail.CLEAR << 8, oid, 0))
            shadow.clear()
        for token, (key, each) in new.items():
            known = shadow.get(token)
            if known is not None and same(known[1], each) and same(known[0], key):
                continue
            key_item, item = self.item(key), self.item(each)
            shadow[token] = (key_item, item)
            tag, number = self._item_token(key_item)
            rows.append((_KEY | tag, 0, number))
            tag, number = self._item_token(item)
            rows.append((_ENTRY | tag, oid, number))
        if followed.anatomy.shape is not Shape.NAMESPACE:
            self._changed_length(followed, length, rows)

    def _same_attributes(self, followed: Followed, value: Any) -> bool:
        """Whether nothing changed, where attributes lie in an instance dict alone: the common case."""
        anatomy, shadow = followed.anatomy, followed.attributes
        if anatomy.slots or anatomy.is_exception:
            return False
        held = anatomy.instance_dict(value)
        if held is None:
            return not shadow
        if followed.held_dict != id(held) or len(held) != len(shadow):
            return False
        for name, attribute in held.items():
            item = shadow.get(name, an.MISSING) if type(name) is str else an.MISSING
            if item is not attribute and not same(item, attribute):
                return False
        return True

    def _changed_attributes(
        self, followed: Followed, value: Any, rows: list[tuple[int, int, int]]
    ) -> None:
        shadow, oid = followed.attributes, followed.object_id
        live = followed.anatomy.attributes(value)
        for name in [name for name in shadow if name not in live]:
            del shadow[name]
            rows.append((Detail.REMOVE_ATTR << 8 | Tag.STR, oid, self.string(name)))
        for name, attribute in live.items():
            if name in shadow and same(shadow[name], attribute):
                continue
            item = shadow[name] = self.item(attribute)
            rows.append((_KEY | Tag.STR, 0, self.string(name)))
            tag, number = self._item_token(item)
            rows.append((_ATTR | tag, oid, number))
        self._note_dict(followed, value)

    def begin_round(self) -> int:
        """A new number for one walk over the graph of objects."""
        self._round += 1
        return self._round

    def distrust(self, followed: Followed) -> None:
        """From here on the object's content is not known, until it is checked again."""
        if not followed.stale and not followed.fresh:
            followed.stale = True
            self.row(Detail.RELABEL << 8, followed.object_id, Label.UNOBSERVED)

    def _died(self, followed: Followed) -> None:
        if not followed.fresh:
            self.row(Detail.DEATH << 8, followed.object_id, 0)


def cell_content(cell: Any) -> list[Any]:
    """The content of a closure cell: one value, or none."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _size(items: Any) -> int:
    return len(items) if items is not None else 0
