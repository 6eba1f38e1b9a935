"""Values into rows: scalars inline, strings once by content, objects by id with full content at first sight
and changes after that.

Rows go to `out`, which the recorder publishes at the end of each event.  Content of newly met objects is
written from a work list, so neither depth nor cycles of the program's structures matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from escope.config import CaptureLimits
from escope.engine.capture import anatomy as an
from escope.engine.capture import contents
from escope.engine.capture.changes import changed_attributes, changed_items, same_attributes
from escope.engine.capture.differences import key_token
from escope.engine.capture.objects import Followed, ObjectTable
from escope.engine.capture.row_writer import RowWriter, Token
from escope.events import Kind, Label
from escope.storage.rows import FIRST_SITELESS, Detail, Shape, Tag

_HIDDEN_GLOBALS = frozenset({"__builtins__"})
_MUTATE = (FIRST_SITELESS + Kind.MUTATE) << 8
_FIRST_SIGHT = 16 << 20
"""Bytes of rows that one first sight may take."""
_KEYFRAME_SLACK = 64
_OBJECT, _ITEM, _ENTRY, _KEY, _ATTR = (
    Detail.OBJECT << 8,
    Detail.ITEM << 8,
    Detail.ENTRY << 8,
    Detail.KEY << 8,
    Detail.ATTR << 8,
)


class Encoder(RowWriter):
    """Writes values; knows what was written of every object."""

    def __init__(self, limits: CaptureLimits) -> None:
        super().__init__(limits)
        self.objects = ObjectTable(self._died)
        self._next_type = 1
        self._work: list[Followed] = []
        self._round = 0

    def restart(self) -> None:
        """Forget what was written: everything is at first sight again, under new ids."""
        self.__init__(self.limits)  # type: ignore[misc]

    # Objects

    def object_token(self, value: Any) -> Token:
        """An object stands by its id; a new one is noted for `drain`."""
        return Tag.OBJECT, self.follow(value).object_id

    def follow(self, value: Any) -> Followed:
        """The `Followed` of an object; a new one is written by the next `drain`."""
        known = self.objects.get(value)
        if known is None:
            anatomy = self.objects.anatomy(type(value))
            known = self.objects.add(value, anatomy)
            self._work.append(known)
        return known

    def note(self, followed: Followed) -> None:
        """Let the next `drain` write the content of `followed`."""
        self._work.append(followed)

    def namespace(self, names: dict[str, Any], module: str | None = None) -> Followed:
        """The `Followed` of a module's globals or a class body's names, written at first sight.

        With `module`, a MODULE row says whose globals they are.
        """
        known = self.objects.get(names)
        if known is not None and known.anatomy.shape is Shape.NAMESPACE:
            return known
        known = self.objects.add(names, self._namespace_anatomy())
        self.note(known)
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

    def item_token(self, item: Any) -> Token:
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
        full = len(self.out) + _FIRST_SIGHT
        while self._work:
            followed = self._work.pop()
            if not followed.fresh or not followed.object_id:
                continue
            budget -= 1
            if budget >= 0 and len(self.out) < full:
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
        try:
            self._write(followed, value)
        except BaseException:
            # The program's stack or a signal handler cut it short: what is new is written again.
            followed.broken = True
            if followed.fresh:
                self.note(followed)
            raise
        followed.fresh = followed.stale = followed.broken = False
        if followed.keepers:
            self.objects.lent[followed.object_id] = followed
        followed.changes = 0
        followed.checked_at = self.events

    def _write(self, followed: Followed, value: Any) -> None:
        anatomy, shape, oid = followed.anatomy, followed.anatomy.shape, followed.object_id
        type_id = self._type(anatomy)
        if shape in an.IMMUTABLE:
            self._write_immutable(followed, value, type_id)
            return
        rows: list[tuple[int, int, int]] = []
        followed.length = self._write_items(followed, value, rows)
        if followed.length > self.limits.items:
            rows.insert(0, (Detail.LENGTH << 8, oid, followed.length))
        followed.attributes = {}
        if shape is not Shape.NAMESPACE and shape is not Shape.CELL:
            for name, attribute in anatomy.attributes(value).items():
                item = followed.attributes[name] = self.item(attribute)
                rows.append((_KEY | Tag.STR, 0, self.string(name)))
                tag, number = self.item_token(item)
                rows.append((_ATTR | tag, oid, number))
            self.note_dict(followed, value)
        self.row(_OBJECT | self._label(followed), type_id, oid)
        for head, aux, number in rows:
            self.row(head, aux, number)

    def note_dict(self, followed: Followed, value: Any) -> None:
        held = followed.anatomy.instance_dict(value)
        if held is not None:
            self.objects.holds(followed, held)

    def _write_immutable(self, followed: Followed, value: Any, type_id: int) -> None:
        oid = followed.object_id
        if followed.anatomy.shape is Shape.NAMED:
            name = self.string(contents.object_name(value, followed.anatomy))
            self.row(_OBJECT, type_id, oid)
            self.row(Detail.NAME << 8 | Tag.STR, oid, name)
            return
        summary = contents.opaque_summary(value)
        text = self.string(summary) if summary is not None else 0
        self.row(_OBJECT | Label.OPAQUE, type_id, oid)
        if summary is not None:
            self.row(Detail.SUMMARY << 8 | Tag.STR, oid, text)

    def _write_items(self, followed: Followed, value: Any, rows: list[tuple[int, int, int]]) -> int:
        shape, oid, limit = followed.anatomy.shape, followed.object_id, self.limits.items
        if shape in an.SEQUENCES:
            values, length = contents.sequence_items(value, shape, limit)
            followed.items = [self.item(each) for each in values]
            for item in followed.items:
                tag, number = self.item_token(item)
                rows.append((_ITEM | tag, oid, number))
            return length
        if shape in an.SETS:
            values, length = contents.set_items(value, limit)
            followed.items = {key_token(each, self.follow): self.item(each) for each in values}
            for item in followed.items.values():
                tag, number = self.item_token(item)
                rows.append((_ITEM | tag, oid, number))
            return length
        if shape in an.MAPPINGS:
            pairs, length = self.pairs(followed, value)
            followed.items = {}
            for key, each in pairs:
                key_item, item = self.item(key), self.item(each)
                followed.items[key_token(key, self.follow)] = (key_item, item)
                tag, number = self.item_token(key_item)
                rows.append((_KEY | tag, 0, number))
                tag, number = self.item_token(item)
                rows.append((_ENTRY | tag, oid, number))
            return length
        if shape is Shape.CELL:
            followed.items = [self.item(each) for each in contents.cell_content(value)]
            for item in followed.items:
                tag, number = self.item_token(item)
                rows.append((_ITEM | tag, oid, number))
        elif shape is Shape.BYTEARRAY:
            followed.items = bytes(bytearray.__getitem__(value, slice(0, self.limits.string + 1)))
            tag, number = self.token(followed.items)
            rows.append((Detail.SCALAR << 8 | tag, oid, number))
            return 0
        elif shape is Shape.SCALAR:
            # Not kept: it cannot change, only the attributes of its subclass's instance can.
            tag, number = self.token(contents.scalar_of(value))
            rows.append((Detail.SCALAR << 8 | tag, oid, number))
        return 0

    def pairs(self, followed: Followed, value: Any) -> tuple[list[tuple[Any, Any]], int]:
        pairs, length = contents.mapping_items(value, self.limits.items)
        if followed.anatomy.shape is Shape.NAMESPACE:
            pairs = [
                pair for pair in pairs if type(pair[0]) is str and pair[0] not in _HIDDEN_GLOBALS
            ]
            length = len(pairs)
        return pairs, length

    # Changes

    def check(self, followed: Followed, operation: str) -> bool:
        """Compare an object with its shadow; write what changed, as a `mutate` event.  True if it changed.

        Cells and namespaces, and any object without an `operation`, change without an event of their own:
        their changes are details of the next.
        """
        value = followed.target()
        shape = followed.anatomy.shape
        if value is None or shape in an.IMMUTABLE:
            return False
        if followed.fresh:
            return False
        followed.checked_at = self.events
        if shape is not Shape.NAMESPACE and type(value) is not followed.anatomy.cls:
            followed.anatomy = self.objects.anatomy(type(value))
            followed.broken = True
        if followed.broken or (
            followed.stale and followed.items is None and not followed.attributes
        ):
            self.drain()
            self.write(followed)
            self.drain()
            return False
        try:
            rows: list[tuple[int, int, int]] = []
            changed_items(self, followed, value, rows)
            if (
                shape is not Shape.NAMESPACE
                and shape is not Shape.CELL
                and not same_attributes(self, followed, value)
            ):
                changed_attributes(self, followed, value, rows)
            if followed.stale:
                followed.stale = False
                if followed.keepers:
                    self.objects.lent[followed.object_id] = followed
                if not followed.anatomy.constant:
                    rows.append((Detail.RELABEL << 8, followed.object_id, self._label(followed)))
                self.changed(followed, rows, operation if len(rows) > 1 else "")
                return len(rows) > 1
            if rows:
                self.changed(followed, rows, operation)
            return bool(rows)
        except BaseException:
            followed.broken = True
            raise

    def _label(self, followed: Followed) -> Label:
        if followed.anatomy.concealed:
            return Label.OPAQUE
        if type(followed.items) is dict and len(followed.items) < min(
            followed.length, self.limits.items
        ):
            # Two keys that cannot be told apart (NaN is not equal to itself).
            return Label.UNOBSERVED
        return Label.TRUNCATED if followed.length > self.limits.items else Label.EXACT

    def changed(self, followed: Followed, rows: list[tuple[int, int, int]], operation: str) -> None:
        """Write change rows of an object whose shadow is already up to date, as a `mutate` event."""
        name = self.string(operation) if operation else 0
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
        if operation and followed.anatomy.shape not in (Shape.NAMESPACE, Shape.CELL):
            self.event(_MUTATE | Tag.STR, followed.object_id, name)

    def splice_rows(
        self, oid: int, start: int, removed: int, items: Iterable[Any]
    ) -> list[tuple[int, int, int]]:
        """Change rows that replace `removed` items at `start` by `items`."""
        rows = [(Detail.SPLICE << 8, oid, start << 32 | removed)]
        for item in items:
            tag, number = self.item_token(item)
            rows.append((Detail.INSERT << 8 | tag, oid, number))
        return rows

    def begin_round(self) -> int:
        """A new number for one walk over the graph of objects."""
        self._round += 1
        return self._round

    def distrust(self, followed: Followed) -> None:
        """From here on the object's content is not known, until it is checked again."""
        if not followed.stale and not followed.fresh:
            followed.stale = True
            if not followed.anatomy.constant:
                self.row(Detail.RELABEL << 8, followed.object_id, Label.UNOBSERVED)

    def _died(self, followed: Followed) -> None:
        if not followed.fresh:
            self.row(Detail.DEATH << 8, followed.object_id, 0)


def _size(items: Any) -> int:
    return len(items) if items is not None else 0
