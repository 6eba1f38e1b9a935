"""The site table of the program: which static place has which id, written before its code runs.

`storage/sites.py` reads what is appended here.
"""

from __future__ import annotations

import hashlib
import json
import os
from _thread import RLock
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from escope.errors import CaptureError
from escope.events import CodeId, Kind, SiteId
from escope.storage.rows import FIRST_SITE

SITES = "sites.jsonl"
_LAST_SITE = (1 << 24) - 1
_CO_OPTIMIZED, _CO_GENERATOR, _CO_COROUTINE, _CO_ASYNC_GENERATOR = 0x1, 0x20, 0x80, 0x200


class Location(NamedTuple):
    """Where an instruction stands in the source, as `co_positions()` says."""

    line: int | None
    end_line: int | None
    column: int | None
    end_column: int | None


class SiteSpec(NamedTuple):
    """A site that has no id yet."""

    kind: Kind | None
    location: Location
    name: str | None
    slot: int | None
    offset: int
    """In bytes, of its instruction in the code as compiled; 0 where it has none."""


class Site(NamedTuple):
    """A static place that can emit events."""

    id: SiteId
    kind: Kind | None
    line: int | None
    end_line: int | None
    column: int | None
    end_column: int | None
    name: str | None
    slot: int | None
    offset: int

    def to_json(self) -> list[Any]:
        """The site's entry in the sites file."""
        return [
            self.id,
            None if self.kind is None else int(self.kind),
            self.line or 0,
            self.end_line or self.line or 0,
            -1 if self.column is None else self.column,
            -1 if self.end_column is None else self.end_column,
            self.name,
            self.slot,
            self.offset,
        ]


@dataclass(frozen=True, slots=True, eq=False)
class CodeRecord:
    """One instrumented code object."""

    id: CodeId
    module: str
    qualname: str
    file: str
    source: str
    first_line: int
    last_line: int
    variables: tuple[str, ...]
    """By slot: locals, cells and free variables in CPython's order, then names of a class body."""
    parameters: tuple[int, ...]
    cells: tuple[int, ...]
    """Slots whose variable lives in a cell."""
    body: str
    """`module`, `class` or `function`."""
    generator: bool
    coroutine: bool
    async_generator: bool
    parent: int
    """Id of the code object that this one is a constant of, 0 if none."""
    value_slots: tuple[int, ...] = field(init=False)
    """Slots of the parameters that do not live in cells: what a CALL probe is handed, before the cells."""
    suspendable: bool = field(init=False)

    def __post_init__(self) -> None:
        cells = set(self.cells)
        values = tuple(slot for slot in self.parameters if slot not in cells)
        object.__setattr__(self, "value_slots", values)
        suspends = self.generator or self.coroutine or self.async_generator
        object.__setattr__(self, "suspendable", suspends)

    def to_json(self, sites: Iterable[Site]) -> dict[str, Any]:
        """The code object's line in the sites file."""
        return {
            "type": "code",
            "id": self.id,
            "module": self.module,
            "qualname": self.qualname,
            "file": self.file,
            "source": self.source,
            "first_line": self.first_line,
            "last_line": self.last_line,
            "variables": self.variables,
            "parameters": self.parameters,
            "cells": self.cells,
            "flags": {
                "generator": self.generator,
                "coroutine": self.coroutine,
                "async_generator": self.async_generator,
                "body": self.body,
            },
            "parent": self.parent,
            "sites": [site.to_json() for site in sites],
        }


def body_of(code: CodeType) -> str:
    """Whether `code` is the body of a `module`, a `class` or a `function`."""
    if code.co_flags & _CO_OPTIMIZED:
        return "function"
    return "module" if code.co_name == "<module>" else "class"


def fast_names(code: CodeType) -> tuple[list[str], list[int]]:
    """Names of the frame's fast slots in CPython's order, and the slots that are cells."""
    names = list(code.co_varnames)
    cells = []
    for name in code.co_cellvars:
        if name in code.co_varnames:
            cells.append(code.co_varnames.index(name))
        else:
            cells.append(len(names))
            names.append(name)
    for name in code.co_freevars:
        cells.append(len(names))
        names.append(name)
    return names, sorted(cells)


def parameter_count(code: CodeType) -> int:
    """How many of the first fast slots are parameters."""
    stars = bool(code.co_flags & 0x4) + bool(code.co_flags & 0x8)
    return code.co_argcount + code.co_kwonlyargcount + stars


class SiteTable:
    """Allocates ids and appends them to a process's directory, and the sources to the recording's, `home`."""

    def __init__(self, part: Path, home: Path | None = None) -> None:
        self._path = part / SITES
        self._sources = (home or part) / "sources"
        self._lock = RLock()
        self._place = (0, 1, FIRST_SITE)
        """Bytes written, next code, next site; in one piece, because a fork may come at any moment."""
        self._known_sources: set[str] = set()
        self._predicates = 0
        self._file: int | None = None

    def open(self) -> None:
        """Open the file now instead of at the first line; CaptureError if that fails."""
        with self._lock:
            try:
                self._opened()
            except OSError as error:
                message = f"{self._path}: cannot be written: {error.strerror}"
                raise CaptureError(message) from error

    def _opened(self) -> int:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
        return self._file

    def add_source(self, source: bytes) -> str:
        """Keep `source`; return its SHA-256 in hexadecimal."""
        sha = hashlib.sha256(source).hexdigest()
        with self._lock:
            if sha not in self._known_sources:
                self._sources.mkdir(mode=0o700, exist_ok=True)
                self._store(self._sources / sha, source)
                self._known_sources.add(sha)
        return sha

    def add_code(
        self,
        code: CodeType,
        *,
        module: str,
        source: str,
        variables: Iterable[str],
        parent: int,
        specs: Iterable[SiteSpec],
        cached: bool = False,
    ) -> tuple[CodeRecord, list[Site]]:
        """Give `code` and its sites their ids and append them; `cached` tells that an earlier run rewrote it.

        CaptureError if the table is full or cannot be written.
        """
        _, cells = fast_names(code)
        flags = code.co_flags
        lines = [line for _, _, line in code.co_lines() if line is not None]
        with self._lock:
            size, number, next_site = self._place
            record = CodeRecord(
                CodeId(number),
                module,
                code.co_qualname,
                code.co_filename,
                source,
                code.co_firstlineno,
                max(lines, default=code.co_firstlineno),
                tuple(variables),
                tuple(range(parameter_count(code))),
                tuple(cells),
                body_of(code),
                bool(flags & _CO_GENERATOR),
                bool(flags & _CO_COROUTINE),
                bool(flags & _CO_ASYNC_GENERATOR),
                parent,
            )
            sites = [
                Site(SiteId(site), spec.kind, *spec.location, spec.name, spec.slot, spec.offset)
                for site, spec in enumerate(specs, next_site)
            ]
            if next_site + len(sites) > _LAST_SITE:
                raise CaptureError("more than 16 million sites: record fewer modules (--exclude)")
            line = record.to_json(sites)
            if cached:
                line["cached"] = True
            size += self._append(line)
            self._place = (size, number + 1, next_site + len(sites))
        return record, sites

    def skip(self, module: str, file: str | None, reason: str, qualname: str | None = None) -> None:
        """Put on record that a module, or one code object of it, is not traced."""
        line: dict[str, Any] = {"type": "skipped", "module": module, "file": file, "reason": reason}
        if qualname is not None:
            line["qualname"] = qualname
        self._add(line)

    def add_predicate(self, number: int, text: str) -> None:
        """Put on record what the predicate `number` says."""
        self._add({"type": "predicate", "number": number, "text": text})

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._place[0]

    def move(self, folder: Path) -> None:
        """Write what follows to the folder of another process, whose table goes on from this one's.

        For a forked child, in which no other thread runs.
        """
        self._lock = RLock()
        self.close()
        self._path = folder / SITES
        _, number, site = self._place
        self._place = (0, number, site)
        self.open()

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _add(self, line: dict[str, Any]) -> None:
        with self._lock:
            size, number, site = self._place
            self._place = (size + self._append(line), number, site)

    def _append(self, line: dict[str, Any]) -> int:
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.write(self._opened(), data)
        except OSError as error:
            raise CaptureError(f"{self._path}: cannot be written: {error.strerror}") from error
        if written != len(data):
            raise CaptureError(f"{self._path}: cannot be written: no space left")
        return written

    def _store(self, path: Path, data: bytes) -> None:
        # Other processes of the recording may be storing the same source.
        new = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            os.replace(new, path)
        except OSError as error:
            raise CaptureError(f"{path}: cannot be written: {error.strerror}") from error
