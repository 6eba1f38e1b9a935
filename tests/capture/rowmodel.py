"""A decoder of rows for tests, written against `storage/rows.py` alone: the slow, obvious way."""

from __future__ import annotations

import struct
from typing import Any

from escope.storage.rows import ROW, Detail, Shape, Tag


class RowModel:
    """Objects as the rows describe them: {id: [shape, items, attributes, label]}."""

    def __init__(self) -> None:
        self.strings: dict[int, tuple[int, bytes]] = {}
        self.types: dict[int, tuple[Shape, str]] = {}
        self.objects: dict[int, dict[str, Any]] = {}
        self.events: list[tuple[int, int, int]] = []
        self._key: Any = None
        self._cursor: dict[int, int] = {}
        self._open: list[Any] | None = None

    def feed(self, rows: bytes) -> None:
        """Apply rows."""
        for head, aux, value in ROW.iter_unpack(rows):
            self._row(head & 0xFF, head >> 8, aux, value)

    def _row(self, tag: int, site: int, aux: int, value: int) -> None:
        if site == Detail.STRING:
            self.strings[value] = (tag, b"")
            self._open = [value, aux]
        elif site == Detail.DATA:
            assert self._open is not None
            number, left = self._open
            piece = (struct.pack("<I", aux) + struct.pack("<Q", value))[: min(left, 12)]
            self.strings[number] = (self.strings[number][0], self.strings[number][1] + piece)
            self._open = [number, left - len(piece)]
        elif site == Detail.TYPE:
            self.types[aux] = (Shape(tag), self.strings[value][1].decode())
        elif site == Detail.OBJECT:
            shape = self.types[aux][0]
            items: Any = {} if shape in (Shape.DICT, Shape.NAMESPACE) else []
            self.objects[value] = {"shape": shape, "items": items, "attributes": {}, "label": tag}
        elif site == Detail.KEY:
            self._key = self.scalar(tag, value)
        elif site == Detail.DEATH:
            self.objects.pop(aux, None)
        elif 10 < site < 30:
            self._change(self.objects[aux], tag, site, aux, value)
        elif site >= 128:
            self.events.append((site, aux, value))

    def _change(self, known: dict[str, Any], tag: int, site: int, aux: int, value: int) -> None:
        scalar = self.scalar(tag, value)
        items = known["items"]
        if site == Detail.ITEM:
            items.append(scalar)
        elif site == Detail.ENTRY:
            items[self._key] = scalar
        elif site == Detail.REMOVE:
            if isinstance(items, dict):
                del items[scalar]
            else:
                items.remove(scalar)
        elif site == Detail.ATTR:
            known["attributes"][self._key] = scalar
        elif site == Detail.REMOVE_ATTR:
            del known["attributes"][scalar]
        elif site == Detail.SPLICE:
            start, count = value >> 32, value & 0xFFFF_FFFF
            assert start + count <= len(items)
            del items[start : start + count]
            self._cursor[aux] = start
        elif site == Detail.INSERT:
            items.insert(self._cursor[aux], scalar)
            self._cursor[aux] += 1
        elif site == Detail.CLEAR:
            items.clear()
        elif site == Detail.RELABEL:
            known["label"] = value
        elif site in (Detail.SCALAR, Detail.NAME, Detail.SUMMARY):
            known["scalar"] = scalar

    def scalar(self, tag: int, value: int) -> Any:
        """A hashable stand-in: ('int', 5), ('object', 3)."""
        if tag == Tag.INT:
            return "int", value - (1 << 64) if value >> 63 else value
        if tag == Tag.FLOAT:
            return "float", value
        if tag in (Tag.STR, Tag.BYTES, Tag.BIGINT, Tag.COMPLEX):
            return Tag(tag).name.lower(), self.strings[value][1]
        return Tag(tag & 0x7F).name.lower(), value

    def tree(self, token: tuple[str, Any], seen: tuple[int, ...] = ()) -> Any:
        """A value as nested tuples, comparable with `live_tree`."""
        if token[0] != "object":
            return token
        number = token[1]
        if number in seen:
            return "cycle", seen.index(number)
        known = self.objects[number]
        inner = (*seen, number)
        items = known["items"]
        if isinstance(items, dict):
            content: Any = [(self.tree(k, inner), self.tree(v, inner)) for k, v in items.items()]
        elif known["shape"] in (Shape.SET, Shape.FROZENSET):
            content = sorted((self.tree(each, inner) for each in items), key=repr)
        else:
            content = [self.tree(each, inner) for each in items]
        attributes = {
            name[1].decode(): self.tree(v, inner) for name, v in known["attributes"].items()
        }
        return known["shape"].name, content, attributes
