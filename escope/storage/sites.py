"""The site table: what the program appended to the sites file, read, checked and made into arrays.

Every line is one JSON object; a last line without its newline is torn and waits for the rest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from escope.errors import RecordingError
from escope.events import Kind
from escope.storage.rows import FIRST_SITE

MAX_SITES = 1 << 24
_MAX_LINE = 64 << 20
_KINDS = max(Kind) + 1
_U32 = 1 << 32


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """One instrumented code object, as its line of the sites file says."""

    id: int
    module: str
    qualname: str
    file: str
    source: str
    first_line: int
    last_line: int
    variables: tuple[str, ...]
    parameters: tuple[int, ...]
    cells: tuple[int, ...]
    flags: dict[str, Any]
    parent: int
    first_site: int
    """Its sites are `first_site` … `end_site - 1`."""
    end_site: int


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """One site; `kind` is None for a site that emits no event of its own."""

    id: int
    kind: Kind | None
    code: int
    line: int
    end_line: int
    column: int
    end_column: int
    name: str | None
    slot: int | None
    offset: int


class Sites:
    """The table as far as it was read; the arrays are indexed by site id."""

    def __init__(self) -> None:
        self._kind = np.zeros(4096, np.uint8)
        self._slot = np.full(4096, -1, np.int32)
        self._code = np.zeros(4096, np.uint32)
        self._line = np.zeros(4096, np.uint32)
        self._raw: list[Any] = []
        self.count = FIRST_SITE
        """One more than the highest site id."""
        self.codes: dict[int, CodeInfo] = {}
        self.skipped: list[dict[str, Any]] = []
        self.predicates: list[dict[str, Any]] = []
        self.modules: dict[str, bool] = {}
        """The instrumented modules: whether all of the code came from the code cache."""
        self._offset = 0

    def copy(self) -> Sites:
        """A table that goes its own way from here, with a file of its own."""
        other = Sites()
        other._kind, other._slot = self._kind.copy(), self._slot.copy()
        other._code, other._line = self._code.copy(), self._line.copy()
        other._raw = list(self._raw)
        other.count = self.count
        other.codes = dict(self.codes)
        other.skipped, other.predicates = list(self.skipped), list(self.predicates)
        return other

    @property
    def kind(self) -> npt.NDArray[np.uint8]:
        """`Kind` of each site, 0 where it has none."""
        return self._kind[: self.count]

    @property
    def slot(self) -> npt.NDArray[np.int32]:
        """Slot of the variable that each site stores or deletes, -1 where there is none."""
        return self._slot[: self.count]

    @property
    def code(self) -> npt.NDArray[np.uint32]:
        """Code object of each site, 0 where it has none."""
        return self._code[: self.count]

    @property
    def line(self) -> npt.NDArray[np.uint32]:
        """Line of each site."""
        return self._line[: self.count]

    def site(self, number: int) -> SiteInfo:
        """The site `number`; RecordingError if there is none."""
        if not FIRST_SITE <= number < self.count:
            raise RecordingError(f"the recording has no site {number}: it is damaged")
        kind = int(self._kind[number])
        raw = self._raw[number - FIRST_SITE]
        return SiteInfo(
            number,
            Kind(kind) if kind else None,
            int(self._code[number]),
            int(self._line[number]),
            raw[3],
            raw[4],
            raw[5],
            raw[6],
            raw[7],
            raw[8],
        )

    def follow(self, path: str | os.PathLike[str]) -> bool:
        """Read what was appended to the file at `path` since the last call; True if there was something.

        RecordingError if a line is not what it should be.
        """
        try:
            with open(path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise RecordingError(f"{path}: cannot be read: {error.strerror}") from None
        end = data.rfind(b"\n") + 1
        self._offset += end
        return self.feed(data[:end])

    def feed(self, data: bytes) -> bool:
        """Add complete lines; True if there was one. RecordingError if one is not as it should be."""
        added = False
        for line in data.splitlines():
            if line.strip():
                self._add(line)
                added = True
        return added

    def _add(self, line: bytes) -> None:
        try:
            if len(line) > _MAX_LINE:
                raise ValueError("it is too long")
            found = json.loads(line)
            if not isinstance(found, dict):
                raise ValueError("it is no object")
            kind = found.get("type")
            if kind == "code":
                self._add_code(found)
            elif kind == "skipped":
                check = {"module": str, "file": (str, type(None)), "reason": str}
                for name, kinds in check.items():
                    if not isinstance(found.get(name), kinds):  # type: ignore[arg-type]
                        raise ValueError(f"{name} is {found.get(name)!r:.40}")
                self.skipped.append({k: v for k, v in found.items() if k != "type"})
            elif kind == "predicate":
                number, text = _integer(found["number"]), _text(found["text"])
                if any(one["number"] == number and one["text"] != text for one in self.predicates):
                    raise ValueError(f"predicate {number} twice")
                self.predicates.append({k: v for k, v in found.items() if k != "type"})
            else:
                raise ValueError(f"type {kind!r:.40} is not known")
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise RecordingError(
                f"the sites of the recording are damaged: {str(error)[:120]}"
            ) from None

    def _add_code(self, found: dict[str, Any]) -> None:
        number = _integer(found["id"])
        if number in self.codes or number == 0:
            raise ValueError(f"code {number} twice")
        variables = tuple(_list(found["variables"], _text))
        slots = len(variables)
        cells = tuple(_list(found["cells"], _integer))
        parameters = tuple(_list(found["parameters"], _integer))
        if any(slot >= slots for slot in cells + parameters):
            raise ValueError(f"code {number} has no such variable")
        flags = found["flags"]
        if not isinstance(flags, dict):
            raise ValueError("flags are no object")
        sites = _list(found["sites"], _site)
        first = self.count
        if first + len(sites) > MAX_SITES:
            raise ValueError("too many sites")
        for place, site in enumerate(sites, first):
            if site[0] != place:
                raise ValueError(f"site {site[0]} where {place} should be")
            if site[7] is not None and site[7] >= slots:
                raise ValueError(f"site {place} has no variable {site[7]}")
        info = CodeInfo(
            number,
            _text(found["module"]),
            _text(found["qualname"]),
            _text(found["file"]),
            _text(found["source"]),
            _integer(found["first_line"]),
            _integer(found["last_line"]),
            variables,
            parameters,
            cells,
            flags,
            _integer(found.get("parent", 0)),
            first,
            first + len(sites),
        )
        end = info.end_site
        while end > len(self._kind):
            more = len(self._kind)
            self._kind = np.concatenate([self._kind, np.zeros(more, np.uint8)])
            self._slot = np.concatenate([self._slot, np.full(more, -1, np.int32)])
            self._code = np.concatenate([self._code, np.zeros(more, np.uint32)])
            self._line = np.concatenate([self._line, np.zeros(more, np.uint32)])
        if sites:
            self._kind[first:end] = [site[1] or 0 for site in sites]
            self._line[first:end] = [site[2] for site in sites]
            self._slot[first:end] = [-1 if site[7] is None else site[7] for site in sites]
            self._code[first:end] = number
        self._raw.extend(sites)
        self.codes[number] = info
        cached = found.get("cached") is True
        self.modules[info.module] = self.modules.get(info.module, True) and cached
        self.count = end


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _U32:
        raise ValueError(f"{value!r:.40} is no number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is no text")
    return value


def _list(value: Any, item: Callable[[Any], Any]) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.40} is no list")
    return [item(one) for one in value]


def _site(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 9:
        raise ValueError(f"{value!r:.60} is no site")
    number, kind, *_, name, slot, offset = value
    if kind is not None and _integer(kind) >= _KINDS:
        raise ValueError(f"kind {kind} is not known")
    positions = [0 if one is None or one == -1 else _integer(one) for one in value[2:6]]
    if name is not None:
        _text(name)
    if slot is not None and _integer(slot) >= 1 << 31:
        raise ValueError(f"slot {slot} is too high")
    return [_integer(number), kind, *positions, name, slot, _integer(offset)]
