"""A synthetic program: makes rows as capture does, and keeps the plain truth about every event."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from escope.events import Kind, Label
from escope.storage.rows import (
    APPLIED,
    FIRST_SITE,
    FIRST_SITELESS,
    NO_SLOT,
    ROW,
    Detail,
    Shape,
    Tag,
)

KINDS = [
    Kind.LINE,
    Kind.LINE,
    Kind.CALL,
    Kind.RETURN,
    Kind.YIELD,
    Kind.RESUME,
    Kind.RAISE,
    Kind.HANDLE,
    Kind.UNWIND,
    Kind.STORE,
    Kind.STORE,
    Kind.STORE,
    Kind.DELETE,
    Kind.SETATTR,
    Kind.SETITEM,
    Kind.MUTATE,
]
SLOTS = {9: 0, 10: 1, 11: 2, 12: 1}
CODES = 4


def sites_text(codes: int = CODES) -> str:
    """The sites file of the synthetic program."""
    lines = [json.dumps({"type": "skipped", "module": "m", "file": "/m.py", "reason": "library"})]
    for code in range(1, codes + 1):
        first = FIRST_SITE + (code - 1) * len(KINDS)
        sites = [
            [
                first + n,
                int(kind),
                code * 100 + n,
                code * 100 + n,
                0,
                5,
                "xyz"[SLOTS.get(n, 0)],
                SLOTS.get(n),
                n * 2,
            ]
            for n, kind in enumerate(KINDS)
        ]
        record = {
            "type": "code",
            "id": code,
            "module": "__main__",
            "qualname": f"f{code}",
            "file": "/abs/f.py",
            "source": "a" * 64,
            "first_line": code * 100,
            "last_line": code * 100 + 20,
            "variables": ["x", "y", "z"],
            "parameters": [0],
            "cells": [],
            "flags": {
                "generator": code == 4,
                "coroutine": False,
                "async_generator": False,
                "body": "module" if code == 1 else "function",
            },
            "parent": 0,
            "sites": sites,
        }
        lines.append(json.dumps(record))
    lines.append(json.dumps({"type": "predicate", "number": 1, "text": "x > 3"}))
    return "\n".join(lines) + "\n"


def site_of(code: int, place: int) -> int:
    return FIRST_SITE + (code - 1) * len(KINDS) + place


@dataclass
class Frame:
    id: int
    code: int
    start: int
    line: int = 0
    line_seq: int = -1
    variables: dict[int, tuple[int, int, int]] = field(default_factory=dict)


@dataclass
class Truth:
    """What holds right after an event."""

    kind: int
    site: int
    thread: int
    frame: int
    depth: int
    time: int
    rows: int
    """Rows up to and including the event's."""


class Program:
    """Random but lawful behaviour: threads, calls, generators, exceptions, objects, strings."""

    def __init__(self, seed: int, *, snapshots: bool = True) -> None:
        self.random = random.Random(seed)
        self.rows: list[bytes] = []
        self.events: list[Truth] = []
        self.groups: list[int] = [0]
        self.snapshots = snapshots
        self.states: list[dict[int, tuple[tuple[int, int, int, int, int], ...]]] = []
        self.variables: list[dict[int, dict[int, tuple[int, int, int]]]] = []
        self.strings: dict[int, tuple[bytes, int | None]] = {}
        self.changes: dict[int, list[tuple[int, bool]]] = {}
        self.activations: dict[int, list[Any]] = {}
        self.labels = dict.fromkeys(Label, 0)
        self.types: dict[int, tuple[int, int, list[int]]] = {}
        self.modules: dict[int, int] = {}
        self.stacks: dict[int, list[Frame]] = {}
        self.suspended: list[Frame] = []
        self.dead: set[int] = set()
        self.thread = 0
        self.time = 0
        self.frames = 0
        self.objects = 0
        self.group: list[bytes] = []
        self._switch(1)
        self._event_siteless(Kind.THREAD_START, aux=1)
        self._module()

    # -- rows -------------------------------------------------------------------------------------

    def detail(self, kind: Detail, tag: int = 0, aux: int = 0, value: int = 0) -> None:
        self.group.append(ROW.pack(int(kind) << 8 | tag, aux, value))
        if kind == Detail.OBJECT:
            self.changes.setdefault(value, []).append((len(self.events), True))
            self.labels[Label(tag)] += 1
        elif Detail.LENGTH <= kind <= Detail.DEATH and kind != Detail.KEY:
            self.changes.setdefault(aux, []).append((len(self.events), False))
        if kind == Detail.RELABEL or (
            tag == Tag.LABEL and kind not in (Detail.TYPE, Detail.OBJECT)
        ):
            self.labels[Label(value)] += 1
        if kind == Detail.STRING_FULL:
            self.labels[Label.TRUNCATED] += 1

    def string(self, text: bytes, full: int | None = None) -> int:
        sid = len(self.strings) + 1
        self.strings[sid] = text, full
        if full is not None:
            self.detail(Detail.STRING_FULL, value=full)
        self.detail(Detail.STRING, Tag.STR, len(text), sid)
        for start in range(0, len(text), 12):
            aux, value = struct.unpack("<IQ", text[start : start + 12].ljust(12, b"\0"))
            self.detail(Detail.DATA, aux=aux, value=value)
        return sid

    def _event(self, site: int, kind: Kind, tag: int, aux: int, value: int) -> None:
        seq = len(self.events)
        stack = self.stacks[self.thread]
        frame = stack[-1].id if stack else 0
        depth = len(stack)
        if kind in (Kind.STORE, Kind.DELETE) and aux:
            self.changes.setdefault(aux, []).append((seq, False))
        if tag & APPLIED:
            self.changes.setdefault(aux, []).append((seq, False))
        if tag & 0x7F == Tag.LABEL:
            self.labels[Label(value)] += 1
        self.group.append(ROW.pack(site << 8 | tag, aux, value))
        self.rows += self.group
        self.group = []
        self.groups.append(len(self.rows))
        self.events.append(
            Truth(int(kind), site, self.thread, frame, depth, self.time, len(self.rows))
        )

    def _after(self) -> None:
        """Remember the state after the newest event."""
        if not self.snapshots:
            return
        self.states.append(
            {
                thread: tuple((f.id, f.code, f.line, f.line_seq, f.start) for f in stack)
                for thread, stack in self.stacks.items()
            }
        )
        live = [f for stack in self.stacks.values() for f in stack] + self.suspended
        self.variables.append({f.id: dict(f.variables) for f in live})

    def _event_siteless(self, kind: Kind, tag: int = 0, aux: int = 0, value: int = 0) -> None:
        self._event(FIRST_SITELESS + kind, kind, tag, aux, value)
        self._after()

    def _switch(self, thread: int) -> None:
        self.stacks.setdefault(thread, [])
        stack = self.stacks[thread]
        self.thread = thread
        self.detail(Detail.THREAD, aux=thread, value=stack[-1].id if stack else 0)

    # -- behaviour --------------------------------------------------------------------------------

    def value(self) -> tuple[int, int]:
        choice = self.random.random()
        if choice < 0.5:
            return Tag.INT, self.random.randrange(1 << 64)
        if choice < 0.6 and self.objects:
            return Tag.OBJECT, self.random.randint(1, self.objects)
        if choice < 0.65:
            return Tag.LABEL, Label.UNOBSERVED
        if choice < 0.75:
            full = self.random.choice([None, None, 50_000])
            text = b"text" * self.random.randrange(8)
            return Tag.STR, self.string(text, full)
        return Tag.NONE, 0

    def call(self, code: int, resume: bool = False) -> None:
        stack = self.stacks[self.thread]
        seq = len(self.events)
        if resume:
            frame = self.suspended.pop(self.random.randrange(len(self.suspended)))
            frame.start = seq
            stack.append(frame)
            self._begin(frame, Kind.RESUME)
            self._event(site_of(frame.code, 5), Kind.RESUME, Tag.NONE, frame.id, 0)
        else:
            self.frames += 1
            frame = Frame(self.frames, code, seq)
            for slot in range(self.random.randrange(3)):
                tag, value = self.value()
                self.detail(Detail.BIND, tag, slot, value)
                frame.variables[slot] = (tag, value, seq)
            if self.random.random() < 0.05:
                self.detail(Detail.BIND, Tag.OBJECT, NO_SLOT, 1)
                frame.variables[NO_SLOT] = (Tag.OBJECT, 1, seq)
            stack.append(frame)
            self._begin(frame, Kind.CALL)
            self._event(site_of(code, 2), Kind.CALL, 0, frame.id, 0)
        self._after()

    def _begin(self, frame: Frame, kind: Kind) -> None:
        depth = len(self.stacks[self.thread])
        self.activations[frame.start] = [None, frame.id, self.thread, depth, frame.code]

    def leave(self, kind: Kind) -> None:
        stack = self.stacks[self.thread]
        frame = stack[-1]
        below = stack[-2].id if len(stack) > 1 else 0
        place = {Kind.RETURN: 3, Kind.YIELD: 4, Kind.UNWIND: 8}[kind]
        self.activations[frame.start][0] = len(self.events)
        self._event(site_of(frame.code, place), kind, Tag.NONE, below, 0)
        stack.pop()
        if kind == Kind.YIELD:
            self.suspended.append(frame)
        else:
            self.dead.add(frame.id)
        self._after()

    def _module(self) -> None:
        self._object()
        self.detail(Detail.MODULE, aux=1, value=self.string(b"__main__"))
        self.modules[1] = len(self.strings)
        self.call(1)

    def _object(self) -> int:
        if not self.types or self.random.random() < 0.1:
            tid = len(self.types) + 1
            shape = Shape.CELL if tid == 2 else Shape.LIST
            self.types[tid] = (shape, self.string(f"T{tid}".encode()), [])
            self.detail(Detail.TYPE, shape, tid, len(self.strings))
            if tid % 3 == 0:
                name = self.string(b"field")
                self.types[tid][2].append(name)
                self.detail(Detail.FIELD, Tag.STR, tid, name)
        self.objects += 1
        label = self.random.choice([Label.EXACT, Label.EXACT, Label.OPAQUE])
        self.detail(Detail.OBJECT, label, len(self.types), self.objects)
        for _ in range(self.random.randrange(4)):
            self.detail(Detail.ITEM, Tag.INT, self.objects, self.random.randrange(100))
        return self.objects

    def _change(self) -> None:
        oid = self.random.randint(1, self.objects)
        choice = self.random.randrange(4)
        if choice == 0:
            self.detail(Detail.KEY, Tag.INT, 0, 1)
            self.detail(Detail.ENTRY, Tag.INT, oid, 2)
        elif choice == 1:
            self.detail(Detail.OBJECT, 0, 1, oid)
        elif choice == 2:
            self.detail(Detail.RELABEL, 0, oid, Label.DROPPED)
        else:
            self.detail(Detail.DEATH, 0, oid)

    def step(self) -> None:
        """One event, or a few."""
        pick = self.random.random
        if pick() < 0.15:
            self.time += self.random.randrange(1000)
            self.detail(Detail.TIME, value=self.time)
        if pick() < 0.02:
            threads = len(self.stacks)
            if threads < 4 and pick() < 0.3:
                self._switch(threads + 1)
                self._event_siteless(Kind.THREAD_START, aux=self.thread)
            else:
                self._switch(self.random.randint(1, threads))
        if pick() < 0.1:
            self._object()
        if pick() < 0.1:
            self._change()
        stack = self.stacks[self.thread]
        choice = pick()
        if not stack or (choice < 0.08 and len(stack) < 12):
            if self.suspended and pick() < 0.5:
                self.call(0, resume=True)
            else:
                self.call(self.random.randint(1, CODES))
            return
        frame = stack[-1]
        if choice < 0.16 and (len(stack) > 1 or self.thread > 1):
            kinds = [Kind.RETURN, Kind.UNWIND] + [Kind.YIELD] * (frame.code == 4)
            self.leave(self.random.choice(kinds))
            return
        seq = len(self.events)
        if choice < 0.5:
            place = self.random.randrange(2)
            frame.line, frame.line_seq = site_of(frame.code, place), seq
            self._event(site_of(frame.code, place), Kind.LINE, 0, 0, 0)
        elif choice < 0.8:
            place = self.random.choice([9, 10, 11, 12])
            owner = self.random.randint(1, self.objects) if pick() < 0.1 else 0
            tag, value = (0, 0) if place == 12 else self.value()
            if not owner:
                frame.variables[SLOTS[place]] = (tag, value, seq)
            self._event(site_of(frame.code, place), KINDS[place], tag, owner, value)
        elif choice < 0.9:
            tag, value = self.value()
            applied = APPLIED if pick() < 0.5 else 0
            place = self.random.choice([13, 14])
            oid = self.random.randint(1, self.objects)
            self._event(site_of(frame.code, place), KINDS[place], tag | applied, oid, value)
        elif choice < 0.93:
            self._event(site_of(frame.code, 6), Kind.RAISE, Tag.NONE, 3, 0)
        elif choice < 0.96:
            sid = self.string(b"out\n")
            self._event_siteless(Kind.OUTPUT, Tag.BYTES, 1, sid)
            return
        else:
            self._event_siteless(Kind.HIT, 0, 1)
            return
        self._after()

    def run(self, events: int) -> Program:
        """Go on until there are at least that many events."""
        while len(self.events) < events:
            self.step()
        return self

    def data(self, first: int = 0, stop: int | None = None) -> bytes:
        """The rows of groups (events) `first` … `stop - 1`."""
        end = self.groups[-1] if stop is None else self.groups[stop]
        return b"".join(self.rows[self.groups[first] : end])


def make_directory(path: Path, program_pid: int = 0) -> Path:
    """A recording's directory as the launcher and the program make it, without ring and control."""
    path.mkdir(mode=0o700)
    manifest = {
        "format": [1, 0],
        "escope": "0.1.0",
        "python": "3.12.1",
        "core": "py",
        "argv": ["prog.py"],
        "cwd": "/",
        "started": "2026-01-01T00:00:00Z",
        "pid": program_pid,
        "status": None,
        "sealed": False,
        "partial": None,
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    (path / "sites.jsonl").write_text(sites_text())
    (path / "sources").mkdir(mode=0o700)
    (path / "sources" / ("a" * 64)).write_bytes(b"x = 1\n")
    return path


Make = Callable[[int, int], Program]
