"""Rows of one event in the making: scalars inline, strings once by content."""

from __future__ import annotations

import struct
from typing import Any

from escope.config import CaptureLimits
from escope.storage.rows import ROW, Detail, Tag

_U64 = (1 << 64) - 1
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1
_double = struct.Struct("<d")
_u64 = struct.Struct("<Q")
_STRING_CACHE = 16 << 20

Token = tuple[int, int]
"""(tag, value) of a row."""


class RowWriter:
    """Appends rows to `out`, which the recorder publishes at the end of each event."""

    def __init__(self, limits: CaptureLimits) -> None:
        self.limits = limits
        self.out = bytearray()
        self.events = 0
        """Event rows put into `out` so far, published or not."""
        self._strings: dict[Any, int] = {}
        self._string_bytes = 0
        self._next_string = 1

    def row(self, head: int, aux: int, value: int) -> None:
        """Append one row."""
        self.out += ROW.pack(head, aux, value)

    def event(self, head: int, aux: int, value: int) -> None:
        """Append an event row, which ends the event."""
        self.out += ROW.pack(head, aux, value)
        self.events += 1

    def token(self, value: Any) -> Token:
        """How `value` stands in a row; defines the strings it needs."""
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
        return self.object_token(value)

    def scalar_token(self, value: Any) -> Token:
        """The token of an exact scalar."""
        return RowWriter.token(self, value)

    def object_token(self, value: Any) -> Token:
        """How an object stands in a row; for the subclass that follows objects."""
        raise TypeError(f"no scalar: {type(value)!r}")

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
