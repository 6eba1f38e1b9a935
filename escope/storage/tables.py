"""Strings, types and modules of a recording, by their ids."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np

from escope.errors import RecordingError
from escope.storage.blocks import Block
from escope.storage.columns import rows_of
from escope.storage.rows import Detail, Shape, Tag

if TYPE_CHECKING:
    from escope.storage.store import Store

_CACHED_STRINGS = 20_000


@dataclass(frozen=True, slots=True)
class StringData:
    """A string: what is stored of it, its full length in characters (bytes), how it is encoded."""

    data: bytes
    full_length: int | None
    """None where `data` is all there is."""
    tag: Tag


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A type of recorded objects."""

    shape: Shape
    name: str
    fields: tuple[str, ...]


class Tables:
    """What the rows of one store say of strings, types and modules."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = RLock()
        self._strings: OrderedDict[int, StringData] = OrderedDict()
        self._types: dict[int, TypeInfo] = {}
        self._modules: dict[str, int] = {}
        self._read = 0

    def string(self, sid: int) -> StringData:
        """The string with this id; RecordingError if the recording does not have it."""
        with self._lock:
            found = self._strings.get(sid)
            if found is not None:
                self._strings.move_to_end(sid)
                return found
        lasts = self._store.summaries["last_string"]
        number = int(np.searchsorted(lasts, np.uint64(sid)))
        if number < self._store.blocks:
            block = self._store.block(number)
            rows = block.rows
            places = np.flatnonzero((block.site == Detail.STRING) & (rows["value"] == sid))
            if len(places):
                data = _string_at(block, int(places[0]))
                with self._lock:
                    self._strings[sid] = data
                    while len(self._strings) > _CACHED_STRINGS:
                        self._strings.popitem(last=False)
                return data
        raise RecordingError(f"the recording is damaged: it has no string {sid}")

    def type(self, tid: int) -> TypeInfo:
        """The type with this id; RecordingError if the recording does not have it."""
        with self._lock:
            if tid not in self._types:
                self._follow()
            found = self._types.get(tid)
        if found is None:
            raise RecordingError(f"the recording is damaged: it has no type {tid}")
        return found

    def module_namespace(self, module: str) -> int | None:
        """The namespace object of a module's globals; None if it was not seen."""
        with self._lock:
            if module not in self._modules:
                self._follow()
            return self._modules.get(module)

    def _follow(self) -> None:
        data = self._store.table_rows()
        if len(data) == self._read:
            return
        rows = rows_of(data)
        shapes: dict[int, tuple[int, int]] = {}
        fields: dict[int, list[int]] = {}
        for head, aux, value in rows.tolist():
            site = head >> 8
            if site == Detail.TYPE:
                shapes[aux] = (head & 0xFF, value)
                fields[aux] = []
            elif site == Detail.FIELD:
                fields.setdefault(aux, []).append(value)
            elif site == Detail.MODULE:
                self._modules[self._name(value)] = aux
        for tid, (shape, name) in shapes.items():
            if tid in self._types and len(self._types[tid].fields) == len(fields[tid]):
                continue
            try:
                known = Shape(shape)
            except ValueError:
                raise RecordingError(f"the recording is damaged: it has shape {shape}") from None
            names = tuple(self._name(one) for one in fields[tid])
            self._types[tid] = TypeInfo(known, self._name(name), names)
        self._read = len(data)

    def _name(self, sid: int) -> str:
        return self.string(sid).data.decode("utf-8", "replace")


def _string_at(block: Block, place: int) -> StringData:
    rows = block.rows
    size = int(rows["aux"][place])
    count = -(-size // 12)
    data = rows[place + 1 : place + 1 + count]
    if len(data) != count or (block.site[place + 1 : place + 1 + count] != Detail.DATA).any():
        raise RecordingError("the recording is damaged: a string is cut off")
    words = np.ascontiguousarray(data).view(np.uint8).reshape(count, 16)[:, 4:]
    full = None
    if place and block.site[place - 1] == Detail.STRING_FULL:
        full = int(rows["value"][place - 1])
    try:
        tag = Tag(int(block.tag[place]))
    except ValueError:
        raise RecordingError("the recording is damaged: a string has no encoding") from None
    return StringData(words.tobytes()[:size], full, tag)
