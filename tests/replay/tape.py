"""Hand-made recordings: a writer of rows, and a store that keeps them in memory.

The store answers by brute force, so that it shares no code with the real one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from escope.engine.replay.recording import Recording
from escope.errors import RecordingError
from escope.events import Kind, Label
from escope.storage.blocks import Block, cut
from escope.storage.checkpoint import NO_SEQ
from escope.storage.columns import ROWS, event_ends
from escope.storage.rows import APPLIED, CHANGES, FIRST_SITE, NO_SLOT, Detail, Shape, Tag
from escope.storage.sites import Sites
from escope.storage.tracker import Tracker

EXACT_SHAPES = {
    list: Shape.LIST,
    tuple: Shape.TUPLE,
    set: Shape.SET,
    frozenset: Shape.FROZENSET,
    dict: Shape.DICT,
}


@dataclass
class Ref:
    """An object by its id, where a value is expected."""

    id: int


@dataclass
class Code:
    id: int
    qualname: str
    file: str
    first_line: int
    variables: tuple[str, ...]
    parameters: tuple[int, ...]
    cells: tuple[int, ...]
    module: str = "__main__"
    source: str = ""
    flags: dict[str, Any] = field(default_factory=dict)


class Tape:
    """Writes rows as capture does."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int]] = []
        self.codes: dict[int, Code] = {}
        self.sites: list[tuple[int, int, int, str | None, int | None]] = []
        self.strings: dict[int, tuple[int, bytes, int | None]] = {}
        self._string_ids: dict[tuple[int, bytes], int] = {}
        self.types: dict[int, SimpleNamespace] = {}
        self._type_ids: dict[tuple[str, int], int] = {}
        self.seq = 0
        self.stacks: dict[int, list[int]] = {1: []}
        self.current = 0
        self.objects = 0
        self.frames = 0
        self.modules: dict[str, int] = {}
        self.thread(1)

    # Static parts

    def code(
        self,
        qualname: str,
        variables: Sequence[str] = (),
        parameters: int = 0,
        cells: Sequence[int] = (),
        file: str = "/p.py",
        first_line: int = 1,
    ) -> Code:
        code = Code(
            len(self.codes) + 1,
            qualname,
            file,
            first_line,
            tuple(variables),
            tuple(range(parameters)),
            tuple(cells),
        )
        self.codes[code.id] = code
        return code

    def site(
        self, code: Code, kind: Kind, line: int, name: str | None = None, slot: int | None = None
    ) -> int:
        key = (code.id, int(kind), line, name, slot)
        if key not in self.sites:
            self.sites.append(key)
        return FIRST_SITE + self.sites.index(key)

    def site_lines(self) -> bytes:
        """The sites file: sites are dense per code object, so they are numbered anew."""
        lines = []
        self._final: dict[int, int] = {}
        number = FIRST_SITE
        for code in self.codes.values():
            sites = []
            for index, (owner, kind, line, name, slot) in enumerate(self.sites):
                if owner == code.id:
                    self._final[FIRST_SITE + index] = number
                    sites.append([number, kind, line, line, 0, 1, name, slot, 0])
                    number += 1
            record = {
                "type": "code",
                "id": code.id,
                "module": code.module,
                "qualname": code.qualname,
                "file": code.file,
                "source": code.source,
                "first_line": code.first_line,
                "last_line": code.first_line + 20,
                "variables": code.variables,
                "parameters": code.parameters,
                "cells": code.cells,
                "flags": code.flags,
                "parent": 0,
                "sites": sites,
            }
            lines.append(json.dumps(record))
        return "".join(line + "\n" for line in lines).encode()

    def site_rows(self) -> list[tuple[int, int, int]]:
        """The rows, with the numbers of `site_lines`."""
        return [
            (
                self._final[head >> 8] << 8 | head & 0xFF if head >> 8 >= FIRST_SITE else head,
                aux,
                value,
            )
            for head, aux, value in self.rows
        ]

    def string(self, data: bytes | str, tag: Tag = Tag.STR, full: int | None = None) -> int:
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        key = (int(tag), raw)
        if key not in self._string_ids or full is not None:
            number = len(self.strings) + 1
            self.strings[number] = (int(tag), raw, full)
            self._string_ids[key] = number
        return self._string_ids[key]

    def type(self, name: str, shape: Shape, fields: Sequence[str] = ()) -> int:
        key = (name, int(shape))
        if key not in self._type_ids:
            self._type_ids[key] = len(self.types) + 1
            self.types[len(self.types) + 1] = SimpleNamespace(
                shape=shape, name=name, fields=tuple(fields)
            )
        return self._type_ids[key]

    # Rows

    def row(self, site: int, tag: int = 0, aux: int = 0, value: int = 0) -> None:
        self.rows.append((site << 8 | tag, aux, value))

    def raw(self, value: Any) -> tuple[int, int]:
        """Tag and value; containers are written as new objects."""
        kind = type(value)
        if kind is Ref:
            return Tag.OBJECT, value.id
        if value is None:
            return Tag.NONE, 0
        if kind is bool:
            return Tag.BOOL, int(value)
        if kind is int:
            if -(1 << 63) <= value < 1 << 63:
                return Tag.INT, value & (1 << 64) - 1
            size = value.bit_length() // 8 + 1
            return Tag.BIGINT, self.string(value.to_bytes(size, "little", signed=True), Tag.BIGINT)
        if kind is float:
            return Tag.FLOAT, struct.unpack("<Q", struct.pack("<d", value))[0]
        if kind is str:
            return Tag.STR, self.string(value)
        if kind is bytes:
            return Tag.BYTES, self.string(value, Tag.BYTES)
        if kind is complex:
            packed = struct.pack("<dd", value.real, value.imag)
            return Tag.COMPLEX, self.string(packed, Tag.COMPLEX)
        if value is ...:
            return Tag.ELLIPSIS, 0
        if kind is Label:
            return Tag.LABEL, int(value)
        return Tag.OBJECT, self.object(value)

    def new_id(self) -> int:
        self.objects += 1
        return self.objects

    def object(self, value: Any, number: int | None = None, type_name: str | None = None) -> int:
        """Write the content of a builtin container; returns its id."""
        number = number or self.new_id()
        shape = EXACT_SHAPES[type(value)]
        type_id = self.type(type_name or type(value).__name__, shape)
        if shape is Shape.DICT:
            content = [(self.raw(key), self.raw(item)) for key, item in value.items()]
        else:
            content = [(None, self.raw(item)) for item in value]
        self.row(Detail.OBJECT, 0, type_id, number)
        for key, (tag, item) in content:
            if key is not None:
                self.row(Detail.KEY, key[0], 0, key[1])
            self.row(Detail.ENTRY if key is not None else Detail.ITEM, tag, number, item)
        return number

    def instance(self, type_name: str, number: int | None = None, **attributes: Any) -> int:
        number = number or self.new_id()
        raws = {name: self.raw(value) for name, value in attributes.items()}
        self.row(Detail.OBJECT, 0, self.type(type_name, Shape.INSTANCE), number)
        for name, (tag, value) in raws.items():
            self.row(Detail.KEY, Tag.STR, 0, self.string(name))
            self.row(Detail.ATTR, tag, number, value)
        return number

    def cell(self, *value: Any) -> int:
        number = self.new_id()
        raws = [self.raw(one) for one in value]
        self.row(Detail.OBJECT, 0, self.type("cell", Shape.CELL), number)
        for tag, one in raws:
            self.row(Detail.ITEM, tag, number, one)
        return number

    def namespace(self, module: str, **names: Any) -> int:
        number = self.new_id()
        raws = {name: self.raw(value) for name, value in names.items()}
        self.row(Detail.OBJECT, 0, self.type("module namespace", Shape.NAMESPACE), number)
        for name, (tag, value) in raws.items():
            self.row(Detail.KEY, Tag.STR, 0, self.string(name))
            self.row(Detail.ENTRY, tag, number, value)
        self.row(Detail.MODULE, 0, number, self.string(module))
        self.modules[module] = number
        return number

    def change(self, detail: Detail, number: int, value: Any = None, key: Any = None) -> None:
        """A detail row that changes an object."""
        if detail is Detail.SPLICE:
            start, count = value
            self.row(detail, 0, number, start << 32 | count)
            return
        tag, raw = self.raw(value) if value is not None else (0, 0)
        if key is not None:
            key_tag, key_raw = self.raw(key)
            self.row(Detail.KEY, key_tag, 0, key_raw)
        self.row(detail, tag, number, raw)

    # Events

    def event(self, site: int, tag: int = 0, aux: int = 0, value: int = 0) -> int:
        self.row(site, tag, aux, value)
        self.seq += 1
        return self.seq - 1

    def thread(self, number: int) -> None:
        if number != self.current:
            stack = self.stacks.setdefault(number, [])
            self.current = number
            self.row(Detail.THREAD, 0, number, stack[-1] if stack else 0)

    def start_thread(self, number: int, name: str) -> int:
        self.thread(number)
        tag, value = self.raw(name)
        return self.event(128 + Kind.THREAD_START, tag, number, value)

    def call(self, code: Code, line: int, namespace: int = 0, **bound: Any) -> int:
        """Begin a frame; returns the frame.  `bound` gives variables; cells as Ref."""
        raws = {code.variables.index(name): self.raw(value) for name, value in bound.items()}
        if namespace:
            self.row(Detail.BIND, Tag.OBJECT, NO_SLOT, namespace)
        for slot, (tag, value) in raws.items():
            self.row(Detail.BIND, tag, slot, value)
        self.frames += 1
        self.stacks[self.current].append(self.frames)
        self.event(self.site(code, Kind.CALL, line), 0, self.frames)
        return self.frames

    def leave(self, kind: Kind, code: Code, line: int, value: Any = None) -> int:
        """RETURN, YIELD or UNWIND of the current frame."""
        tag, raw = self.raw(value)
        stack = self.stacks[self.current]
        stack.pop()
        return self.event(self.site(code, kind, line), tag, stack[-1] if stack else 0, raw)

    def resume(self, code: Code, line: int, frame: int, value: Any = None) -> int:
        tag, raw = self.raw(value)
        self.stacks[self.current].append(frame)
        return self.event(self.site(code, Kind.RESUME, line), tag, frame, raw)

    def line(self, code: Code, line: int) -> int:
        return self.event(self.site(code, Kind.LINE, line))

    def store(self, code: Code, line: int, name: str, value: Any, owner: int = 0) -> int:
        tag, raw = self.raw(value)
        slot = code.variables.index(name) if name in code.variables else None
        return self.event(self.site(code, Kind.STORE, line, name, slot), tag, owner, raw)

    def delete(self, code: Code, line: int, name: str, owner: int = 0) -> int:
        slot = code.variables.index(name) if name in code.variables else None
        return self.event(self.site(code, Kind.DELETE, line, name, slot), 0, owner)

    def set_item(self, code: Code, line: int, owner: int, key: Any, value: Any) -> int:
        tag, raw = self.raw(value)
        key_tag, key_raw = self.raw(key)
        self.row(Detail.KEY, key_tag, 0, key_raw)
        return self.event(self.site(code, Kind.SETITEM, line), tag | APPLIED, owner, raw)

    def set_attribute(self, code: Code, line: int, owner: int, name: str, value: Any) -> int:
        tag, raw = self.raw(value)
        return self.event(self.site(code, Kind.SETATTR, line, name), tag | APPLIED, owner, raw)

    def mutate(self, owner: int, operation: str) -> int:
        return self.event(128 + Kind.MUTATE, Tag.STR, owner, self.string(operation))

    def siteless(self, kind: Kind, aux: int = 0, value: Any = None) -> int:
        tag, raw = self.raw(value) if value is not None else (0, 0)
        return self.event(128 + kind, tag, aux, raw)

    def recording(self, block_rows: int = 8) -> Recording:
        return Recording(TapeStore(self, block_rows))  # type: ignore[arg-type]


class TapeStore:
    """The storage API over a tape: real blocks, everything between blocks by brute force."""

    live = False
    number = 0

    def __init__(self, tape: Tape, block_rows: int) -> None:
        self.tape = tape
        self.manifest: dict[str, Any] = {}
        self._sites = Sites()
        self._sites.feed(tape.site_lines())
        self.codes = self._sites.codes
        self.skipped = self._sites.skipped
        self.predicates = self._sites.predicates
        self.site_code = self._sites.code
        self.site_kind = self._sites.kind
        self.site_line = self._sites.line
        self.site_slot = self._sites.slot
        self._objects: dict[int, dict[int, bool]] = {}
        self._blocks: list[Block] = []
        tracker = Tracker(self._sites, self._table)
        rows = np.array(tape.site_rows(), dtype=ROWS)
        ends = cut(rows, block_rows)
        last = int(event_ends(rows)[-1]) + 1 if len(rows) else 0
        if last not in ends:
            ends.append(last)
        for start, end in zip([0, *ends], ends, strict=False):
            stored = tracker.advance(rows[start:end])
            self._blocks.append(Block(len(self._blocks), stored.record, self._sites))
        self.blocks = len(self._blocks)
        self.events = sum(block.events for block in self._blocks)

    def _table(self, frame: int, before_block: int) -> Any:
        entry = self.frame_entry(frame, min(before_block, len(self._blocks)))
        return entry.table() if entry else None

    def block(self, number: int) -> Block:
        return self._blocks[number]

    def block_of(self, seq: int) -> int:
        for block in self._blocks:
            if seq < block.first_seq + block.events:
                return block.number
        raise IndexError(seq)

    def frame_entry(self, frame: int, before_block: int) -> Any:
        for number in range(before_block - 1, -1, -1):
            entry = self._blocks[number].frame_entry(frame)
            if entry is not None:
                return entry
        return None

    def frame_variables(self, frame: int, before_block: int) -> Any:
        entry = self.frame_entry(frame, before_block)
        return None if entry is None else entry.variables

    def activation(self, start_seq: int) -> Any:
        for number in range(self.block_of(start_seq), len(self._blocks)):
            spans = self._blocks[number].spans
            for span in (*spans.began, *spans.late):
                if span["start"] == start_seq and span["end"] != NO_SEQ:
                    return SimpleNamespace(start_seq=start_seq, end_seq=int(span["end"]))
        return SimpleNamespace(start_seq=start_seq, end_seq=None)

    def enclosing(self, seq: int, thread: int) -> Any:
        found = []
        for span in self._blocks[self.block_of(seq)].enclosing(seq, thread):
            one = self.activation(int(span["start"]))
            one.depth = int(span["depth"])
            found.append(one)
        return found

    def object_blocks(self, oid: int, upto_block: int) -> Iterator[tuple[int, bool]]:
        if not self._objects:
            for number in range(len(self._blocks)):
                self._note_objects(number)
        for number, keyframe in sorted(self._objects.get(oid, {}).items(), reverse=True):
            if number <= upto_block:
                yield number, keyframe

    def _note_objects(self, number: int) -> None:
        block = self._blocks[number]
        for (head, aux, value), kind in zip(block.rows.tolist(), block.kind.tolist(), strict=True):
            site, tag = head >> 8, head & 0xFF
            if site == Detail.OBJECT:
                self._objects.setdefault(value, {})[number] = True
            elif (
                (site < 128 and site in CHANGES)
                or (kind in (Kind.STORE, Kind.DELETE) and aux)
                or (
                    kind in (Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM)
                    and tag & APPLIED
                )
            ):
                self._objects.setdefault(aux, {}).setdefault(number, False)

    def site(self, number: int) -> Any:
        return self._sites.site(number)

    def string(self, number: int) -> Any:
        if number not in self.tape.strings:
            raise RecordingError(f"no string {number}")
        tag, data, full = self.tape.strings[number]
        return SimpleNamespace(tag=tag, data=data, full_length=full)

    def type(self, number: int) -> Any:
        if number not in self.tape.types:
            raise RecordingError(f"no type {number}")
        return self.tape.types[number]

    def module_namespace(self, module: str) -> int | None:
        return self.tape.modules.get(module)

    def site_blocks(self, site: int) -> Any:
        return np.array(
            [block.number for block in self._blocks if (block.site == site).any()],
            dtype=np.int64,
        )

    def kind_seqs(self, kind: Kind) -> Any:
        parts = [block.seq[block.kind == kind] for block in self._blocks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def block_kinds(self) -> Any:
        return np.array([np.bincount(block.kind, minlength=20) for block in self._blocks])

    def outermost_ends(self) -> Any:
        return np.concatenate(
            [
                block.seq[(block.kind == Kind.UNWIND) & (block.rows["aux"] == 0)]
                for block in self._blocks
            ]
        )

    def time_at(self, seq: int) -> int:
        return seq * 10

    def seq_at_time(self, ns: int) -> int:
        return min(ns // 10, self.events - 1)

    def source(self, sha: str) -> bytes | None:
        return None

    def refresh(self) -> bool:
        return False

    def close(self) -> None:
        pass
