"""A runtime for tests: probes that write down what they are handed, and a table that lies in memory."""

from __future__ import annotations

import operator
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from escope.engine.capture.instrument import instrument_code
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import CodeRecord, Site, SiteTable

FILE = "<snippet>"


class _NothingClass:
    def __reduce__(self) -> Any:
        hooks = {"__invert__": int, "__delitem__": id, "__setitem__": operator.is_}
        return type, ("Probe", (), hooks)


class Firing:
    """One probe that fired."""

    def __init__(self, role: Role, site: Site, code: CodeRecord, extra: Any, operand: Any) -> None:
        self.role, self.site, self.code, self.extra = role, site, code, extra
        self.operand = operand

    def __repr__(self) -> str:
        where = f"{self.code.qualname}:{self.site.line}"
        return f"{self.role.name} {where} {self.site.name} {self.operand!r}"


class Probe:
    """Appends to the log; pickled, it becomes something that does nothing and needs nobody."""

    def __init__(self, log: Log, role: Role, site: Site, code: CodeRecord, extra: Any) -> None:
        self.log, self.role, self.site, self.code, self.extra = log, role, site, code, extra

    def _fire(self, operand: Any) -> None:
        if not self.log.on:
            return
        kept = operand if self.log.keep else None
        firing = Firing(self.role, self.site, self.code, self.extra, kept)
        self.log.firings.append(firing)

    def __invert__(self) -> None:
        self._fire(None)

    def __delitem__(self, operand: Any) -> None:
        self._fire(operand)

    def __setitem__(self, operand: Any, value: Any) -> None:
        self._fire((operand, value))

    def __reduce__(self) -> Any:
        return operator.call, (_NothingClass(),)


class _Silent(Probe):
    """Does nothing, at no cost."""

    def __init__(self) -> None:
        pass

    def _fire(self, operand: Any) -> None:
        pass


class _Line(_Silent):
    """Notes the line only."""

    def __init__(self, lines: list[tuple[str, int | None]], moment: tuple[str, int | None]) -> None:
        self._note = lines.append
        self._moment = moment

    def __invert__(self) -> None:
        self._note(self._moment)


class LineLog:
    """Only the line moments; keeps nothing of the program alive."""

    def __init__(self) -> None:
        self.moments: list[tuple[str, int | None]] = []
        self._silent = _Silent()

    def factory(self, role: Role, site: Site, code: CodeRecord, extra: Any) -> Probe:
        if role is Role.LINE:
            return _Line(self.moments, (code.qualname, site.line))
        return self._silent


class Log:
    """What all probes wrote; it keeps operands alive unless `keep` is false."""

    def __init__(self, keep: bool = True) -> None:
        self.firings: list[Firing] = []
        self.on = True
        self.keep = keep

    def factory(self, role: Role, site: Site, code: CodeRecord, extra: Any) -> Probe:
        return Probe(self, role, site, code, extra)

    def lines(self) -> list[tuple[str, int | None]]:
        """Function and line of every line moment."""
        return [(f.code.qualname, f.site.line) for f in self.firings if f.role is Role.LINE]

    def of(self, *roles: Role, function: str | None = None) -> list[Firing]:
        """The firings with these roles, in one function or in all."""
        return [
            firing
            for firing in self.firings
            if firing.role in roles and function in (None, firing.code.qualname)
        ]


class MemoryTable(SiteTable):
    """A site table whose lines stay here."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))
        self.lines: list[dict[str, Any]] = []

    def _append(self, line: dict[str, Any]) -> int:
        self.lines.append(line)
        return 0

    @property
    def skipped(self) -> list[dict[str, Any]]:
        """What was not instrumented, with the reasons."""
        return [line for line in self.lines if line["type"] == "skipped"]


def instrumented(
    code: types.CodeType, log: Log | LineLog, table: MemoryTable | None = None
) -> types.CodeType:
    """`code` with probes that write to `log`; fails if anything of it was skipped."""
    table = table or MemoryTable()
    made = instrument_code(code, module="snippet", source_sha="", table=table, probes=log.factory)
    assert table.skipped == []
    return made


def namespace_of(code: types.CodeType) -> dict[str, Any]:
    """The globals after running `code`."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(code, names)
    return names


def traced(run: Callable[[], object], file: str = FILE) -> list[tuple[str, int]]:
    """Function and line of every line event that `sys.settrace` gives for `file` while `run` runs."""
    found: list[tuple[str, int]] = []

    def tracer(frame: types.FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        if event == "line":
            found.append((frame.f_code.co_qualname, frame.f_lineno))
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        run()
    finally:
        sys.settrace(before)
    return found
