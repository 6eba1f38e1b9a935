"""Writes the location table of a code object, as CPython's `Objects/locations.md` describes it.

The library's own table uses the one-line form for columns up to 255.  That form holds columns below 128 only:
bit 7 of a byte begins the next entry, and CPython 3.11 writes behind its array of lines where a table tells more
entries than the code has units (any trace or profile function lets it make that array).
"""

from __future__ import annotations

from collections.abc import Iterable

from escope.engine.capture.sites import Location

_LONGEST = 8
_SHORT_COLUMNS, _SHORT_WIDTH = 80, 16
_ONE_LINE_COLUMNS, _ONE_LINE_DELTAS = 128, 3
_ONE_LINE, _LINE_ONLY, _LONG, _NONE = 10, 13, 14, 15


def location_table(spans: Iterable[tuple[int, Location]], first_line: int) -> bytes:
    """The table for code units that follow each other: (how many, their location) each."""
    table = bytearray()
    line = first_line
    merged: list[tuple[int, Location]] = []
    for units, location in spans:
        if merged and merged[-1][1] == location:
            units += merged.pop()[0]
        merged.append((units, location))
    for units, location in merged:
        while units > 0:
            _put_entry(table, min(units, _LONGEST), location, line)
            units -= _LONGEST
            line = line if location.line is None else location.line
    return bytes(table)


def _put_entry(table: bytearray, units: int, location: Location, line: int) -> None:
    head = 128 | units - 1
    start, end, column, end_column = location
    if start is None:
        table.append(head | _NONE << 3)
        return
    delta = start - line
    if column is None or end_column is None:
        if end is None or end == start:
            table.append(head | _LINE_ONLY << 3)
            _put_signed(table, delta)
            return
    elif end == start:
        width = end_column - column
        if delta == 0 and column < _SHORT_COLUMNS and 0 <= width < _SHORT_WIDTH:
            table += bytes((head | column // 8 << 3, column % 8 << 4 | width))
            return
        if 0 <= delta < _ONE_LINE_DELTAS and max(column, end_column) < _ONE_LINE_COLUMNS:
            table += bytes((head | _ONE_LINE + delta << 3, column, end_column))
            return
    table.append(head | _LONG << 3)
    _put_signed(table, delta)
    _put_varint(table, (start if end is None else end) - start)
    _put_varint(table, 0 if column is None else column + 1)
    _put_varint(table, 0 if end_column is None else end_column + 1)


def _put_varint(table: bytearray, value: int) -> None:
    while value >= 64:
        table.append(64 | value & 63)
        value >>= 6
    table.append(value)


def _put_signed(table: bytearray, value: int) -> None:
    _put_varint(table, (-value << 1 | 1) if value < 0 else value << 1)
