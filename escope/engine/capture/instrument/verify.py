"""Takes the probes out of rewritten code again and compares what is left with the original.

Reads the bytes by itself, so that an error in the assembler is noticed too.
"""

from __future__ import annotations

import dis
import opcode
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from escope.engine.capture.instrument.flow import stacks
from escope.engine.capture.instrument.instructions import (
    PY312,
    PY313,
    Body,
    Entry,
    Op,
    UnknownCode,
)
from escope.engine.capture.instrument.rewrite import NOWHERE, Rewritten
from escope.engine.capture.sites import Location

_EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]
_KEPT = (
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_nlocals",
    "co_flags",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_filename",
    "co_name",
    "co_qualname",
    "co_firstlineno",
)
_SENDERS = ("SEND", "ASYNC_GEN_WRAP")
_SPLIT = ("STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST")


class NotVerified(UnknownCode):
    """Taking the probes out did not give the original code."""


@dataclass(slots=True)
class _Read:
    name: str
    arg: int
    position: Location
    target: int | None
    handler: tuple[int, int, bool] | None
    """(index of the handler's first instruction, depth, lasti)."""


def verify(body: Body, original: list[Any], rewritten: Rewritten, code: CodeType) -> int:
    """Return the stack size that `code` needs; `original` are the stacks of the original code.

    Raises `NotVerified` with what differs.
    """
    was = body.code
    for name in _KEPT:
        if getattr(code, name) != getattr(was, name):
            raise NotVerified(f"{name} differs")
    constants = zip(was.co_consts, code.co_consts, strict=False)
    if len(code.co_consts) < len(was.co_consts) or any(a is not b for a, b in constants):
        raise NotVerified("co_consts differs")
    _check_lines(code)
    old, new = _read(was), _read(code)
    pieces = rewritten.pieces
    if len(new) != len(pieces):
        raise NotVerified("the number of instructions differs")
    origin = [piece.origin for piece in pieces]
    _Comparison(old, new, origin, [piece.part for piece in pieces]).run()
    depths = [None if stack is None else len(stack) for stack in stacks(_body(code, new))]
    for index, piece in enumerate(pieces):
        stack = original[piece.origin] if piece.origin >= 0 else None
        if stack is not None and piece.part == 0 and depths[index] != len(stack) + piece.kept:
            raise NotVerified(f"the stack differs at {old[piece.origin].name}")
    before = max(len(stack) for stack in original if stack is not None)
    after = max(depth for depth in depths if depth is not None)
    return was.co_stacksize + max(0, after - before)


class _Comparison:
    def __init__(
        self, old: list[_Read], new: list[_Read], origin: list[int], parts: list[int]
    ) -> None:
        self.old, self.new, self.origin, self.parts = old, new, origin, parts

    def run(self) -> None:
        """Compare instruction by instruction."""
        expected = [
            (index, part)
            for index, one in enumerate(self.old)
            for part in ((0, 1) if one.name in _SPLIT else (0,))
        ]
        pairs = zip(self.origin, self.parts, strict=True)
        if [pair for pair in pairs if pair[0] >= 0] != expected:
            raise NotVerified("instructions are missing")
        for at, number in enumerate(self.origin):
            if number >= 0:
                self._same(at, number, self.parts[at])
            elif self.new[at].position.line is None and self.new[at].position != NOWHERE:
                raise NotVerified("a probe has columns without a line")

    def _same(self, at: int, number: int, part: int) -> None:
        was, now = self.old[number], self.new[at]
        if was.position != now.position:
            raise NotVerified(f"the position of {was.name} differs")
        name, arg = was.name, was.arg
        if name in _SPLIT:
            names = ("STORE_FAST", "LOAD_FAST" if name.endswith("LOAD_FAST") else "STORE_FAST")
            name, arg = names[part], (arg & 15 if part else arg >> 4)
        if (name, arg if was.target is None else 0) != (
            now.name,
            now.arg if was.target is None else 0,
        ):
            raise NotVerified(f"{was.name} became {now.name}")
        if was.target is not None and (
            now.target is None or self._through(now.target) != was.target
        ):
            raise NotVerified(f"the target of {was.name} differs")
        self._same_handler(was, now)
        if not part:
            self._neighbours(at, number, now)

    def _same_handler(self, was: _Read, now: _Read) -> None:
        if was.handler is None:
            if now.handler is not None and not self._unwinds(now.handler):
                raise NotVerified(f"{was.name} has a handler")
            return
        if now.handler is None or was.handler[1:] != now.handler[1:]:
            raise NotVerified(f"the handler of {was.name} differs")
        if self._through(now.handler[0]) != was.handler[0]:
            raise NotVerified(f"the handler of {was.name} differs")

    def _neighbours(self, at: int, number: int, now: _Read) -> None:
        """What must stand directly before an instruction still does."""
        before = self.new[at - 1] if at else None
        old_before = self.old[number - 1] if number else None
        if before is None or old_before is None:
            return
        glued = (
            now.name in ("RESUME", "END_FOR", "END_SEND")
            or (now.name in ("CALL", "PRECALL") and old_before.name in ("KW_NAMES", "PRECALL"))
            or (PY313 and old_before.name == "END_FOR")
            or (not PY312 and now.name == "YIELD_VALUE" and old_before.name in _SENDERS)
            or (
                old_before.name == "BINARY_OP"
                and now.name == "STORE_FAST"
                and old_before.position.line == now.position.line
            )
        )
        if glued and before.name != old_before.name:
            raise NotVerified(f"something stands before {now.name}")
        if not PY312 and now.name == "YIELD_VALUE" and before.name == "SEND":
            reached = None if before.target is None else self._through(before.target)
            if reached != old_before.target or before.arg > 0xFF:
                raise NotVerified("the SEND before YIELD_VALUE differs")

    def _through(self, index: int) -> int:
        """The original instruction that runs first from the new instruction `index` on."""
        for _ in range(len(self.new)):
            if self.origin[index] >= 0:
                return self.origin[index]
            one = self.new[index]
            if one.name == "JUMP_FORWARD":
                assert one.target is not None
                index = one.target
            elif one.target is not None or one.name in ("RERAISE", "RETURN_VALUE"):
                break
            else:
                index += 1
        raise NotVerified("a way leads nowhere")

    def _unwinds(self, handler: tuple[int, int, bool]) -> bool:
        index, depth, lasti = handler
        if depth != 0 or not lasti or self.origin[index] >= 0:
            return False
        while index < len(self.new) and self.origin[index] < 0:
            one = self.new[index]
            if one.name == "RERAISE":
                return one.arg == 1 and one.position == NOWHERE
            if one.target is not None:
                return False
            index += 1
        return False


def _body(code: CodeType, read: list[_Read]) -> Body:
    ops: list[Op] = []
    guards: list[Entry | None] = []
    entries: dict[tuple[int, int, bool], Entry] = {}
    for one in read:
        arg = one.arg if opcode.opmap[one.name] >= opcode.HAVE_ARGUMENT else None
        ops.append(Op(one.name, arg, one.position, 0, 0, 0, one.target))
        guard = None
        if one.handler is not None:
            guard = entries.setdefault(one.handler, Entry(0, 0, *one.handler))
        guards.append(guard)
    return Body(code, ops, list(entries.values()), guards, 0)


def _check_lines(code: CodeType) -> None:
    """The walk from entry to entry, which tracebacks and tracing take, tells what the units themselves tell."""
    lines = [line for line, *_ in code.co_positions()]
    reached = 0
    for start, end, line in code.co_lines():
        if start != 2 * reached or any(each != line for each in lines[reached : end // 2]):
            raise NotVerified("the table of lines differs from the positions")
        reached = end // 2
    if reached != len(lines):
        raise NotVerified("the table of lines has another length")


def _read(code: CodeType) -> list[_Read]:
    data = code.co_code
    positions = [Location(*position) for position in code.co_positions()]
    caches: Any = dis._inline_cache_entries  # type: ignore[attr-defined]
    jumps = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
    found: list[_Read] = []
    owners: list[int] = []
    units = len(data) // 2
    unit = 0
    handlers = _handlers(code, units)
    targets: list[tuple[_Read, int]] = []
    while unit < units:
        first, arg = unit, 0
        while data[2 * unit] == _EXTENDED_ARG:
            arg = (arg | data[2 * unit + 1]) << 8
            unit += 1
        number = data[2 * unit]
        arg |= data[2 * unit + 1]
        name = opcode.opname[number]
        after = unit + 1 + (caches.get(name, 0) if PY313 else caches[number])
        for place in range(first, after):
            if positions[place] != positions[first] or handlers[place] != handlers[first]:
                raise NotVerified(f"the parts of {name} differ")
        one = _Read(name, arg, positions[first], None, handlers[first])
        if number in jumps:
            targets.append((one, after - arg if "BACKWARD" in name else after + arg))
        owners.extend([len(found)] * (after - first))
        found.append(one)
        unit = after
    try:
        for one, target in targets:
            one.target = owners[target]
        for one in found:
            if one.handler is not None:
                one.handler = (owners[one.handler[0]], *one.handler[1:])
    except IndexError:
        raise NotVerified("a jump out of the code") from None
    return found


def _handlers(code: CodeType, units: int) -> list[tuple[int, int, bool] | None]:
    found: list[tuple[int, int, bool] | None] = [None] * units
    numbers = _varints(code.co_exceptiontable)
    for start in numbers:
        length, target, depth = next(numbers), next(numbers), next(numbers)
        for unit in range(start, start + length):
            found[unit] = (target, depth >> 1, bool(depth & 1))
    return found


def _varints(table: bytes) -> Iterator[int]:
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            yield value
            value = 0
