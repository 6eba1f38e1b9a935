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
_ENTRIES: Any = dis._inline_cache_entries  # type: ignore[attr-defined]
_CACHES = [int(_ENTRIES.get(opcode.opname[n], 0) if PY313 else _ENTRIES[n]) for n in range(256)]
"""Code units behind an instruction, by opcode."""
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
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


Handler = tuple[int, int, bool]
"""Index of the handler's first instruction, depth, lasti."""


@dataclass(slots=True)
class _Read:
    """The instructions of a code object, and the handler of each."""

    ops: list[Op]
    handlers: list[Handler | None]


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
    if len(new.ops) != len(pieces):
        raise NotVerified("the number of instructions differs")
    origin = [piece.origin for piece in pieces]
    _Comparison(old, new, origin, [piece.part for piece in pieces]).run()
    depths = [None if stack is None else len(stack) for stack in stacks(_body(code, new))]
    for index, piece in enumerate(pieces):
        stack = original[piece.origin] if piece.origin >= 0 else None
        if stack is not None and piece.part == 0 and depths[index] != len(stack) + piece.kept:
            raise NotVerified(f"the stack differs at {old.ops[piece.origin].name}")
    before = max(len(stack) for stack in original if stack is not None)
    after = max(depth for depth in depths if depth is not None)
    return was.co_stacksize + max(0, after - before)


class _Comparison:
    def __init__(self, old: _Read, new: _Read, origin: list[int], parts: list[int]) -> None:
        self.old, self.new, self.origin, self.parts = old.ops, new.ops, origin, parts
        self.old_handlers, self.new_handlers = old.handlers, new.handlers

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
            elif self.new[at].location.line is None and self.new[at].location != NOWHERE:
                raise NotVerified("a probe has columns without a line")

    def _same(self, at: int, number: int, part: int) -> None:
        was, now = self.old[number], self.new[at]
        if was.location != now.location:
            raise NotVerified(f"the position of {was.name} differs")
        name, arg = was.name, was.arg
        if name in _SPLIT:
            names = ("STORE_FAST", "LOAD_FAST" if name.endswith("LOAD_FAST") else "STORE_FAST")
            name, arg = names[part], (was.operand & 15 if part else was.operand >> 4)
        if (name, arg if was.target is None else 0) != (
            now.name,
            now.arg if was.target is None else 0,
        ):
            raise NotVerified(f"{was.name} became {now.name}")
        if was.target is not None and (
            now.target is None or self._through(now.target) != was.target
        ):
            raise NotVerified(f"the target of {was.name} differs")
        self._same_handler(was.name, self.old_handlers[number], self.new_handlers[at])
        if not part:
            self._neighbours(at, number, now)

    def _same_handler(self, name: str, was: Handler | None, now: Handler | None) -> None:
        if was is None:
            if now is not None and not self._unwinds(now):
                raise NotVerified(f"{name} has a handler")
            return
        if now is None or was[1:] != now[1:] or self._through(now[0]) != was[0]:
            raise NotVerified(f"the handler of {name} differs")

    def _neighbours(self, at: int, number: int, now: Op) -> None:
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
                and old_before.location.line == now.location.line
            )
        )
        if glued and before.name != old_before.name:
            raise NotVerified(f"something stands before {now.name}")
        if not PY312 and now.name == "YIELD_VALUE" and before.name == "SEND":
            reached = None if before.target is None else self._through(before.target)
            if reached != old_before.target or before.operand > 0xFF:
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

    def _unwinds(self, handler: Handler) -> bool:
        index, depth, lasti = handler
        if depth != 0 or not lasti or self.origin[index] >= 0:
            return False
        while index < len(self.new) and self.origin[index] < 0:
            one = self.new[index]
            if one.name == "RERAISE":
                return one.arg == 1 and one.location == NOWHERE
            if one.target is not None:
                return False
            index += 1
        return False


def _body(code: CodeType, read: _Read) -> Body:
    entries = {one: Entry(0, 0, *one) for one in {*read.handlers} if one is not None}
    guards = [None if one is None else entries[one] for one in read.handlers]
    return Body(code, read.ops, list(entries.values()), guards, 0)


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


def _read(code: CodeType) -> _Read:
    data = code.co_code
    positions = list(code.co_positions())
    units = len(data) // 2
    covering = _handlers(code, units)
    ops: list[Op] = []
    handlers: list[Handler | None] = []
    owners: list[int] = []
    targets: list[tuple[Op, int]] = []
    location, known = NOWHERE, None
    unit = 0
    while unit < units:
        first, arg = unit, 0
        while data[2 * unit] == _EXTENDED_ARG:
            arg = (arg | data[2 * unit + 1]) << 8
            unit += 1
        number = data[2 * unit]
        arg |= data[2 * unit + 1]
        name = opcode.opname[number]
        after = unit + 1 + _CACHES[number]
        position, handler = positions[first], covering[first]
        for place in range(first + 1, after):
            if positions[place] != position or covering[place] != handler:
                raise NotVerified(f"the parts of {name} differ")
        if position != known:
            location, known = Location(*position), position
        op = Op(name, arg if number >= opcode.HAVE_ARGUMENT else None, location, first, 0, 0)
        if number in _JUMPS:
            targets.append((op, after - arg if "BACKWARD" in name else after + arg))
        owners.extend([len(ops)] * (after - first))
        ops.append(op)
        handlers.append(handler)
        unit = after
    try:
        for op, target in targets:
            op.target = owners[target]
        found = {one: (owners[one[0]], *one[1:]) for one in {*handlers} if one is not None}
    except IndexError:
        raise NotVerified("a jump out of the code") from None
    return _Read(ops, [None if one is None else found[one] for one in handlers])


def _handlers(code: CodeType, units: int) -> list[Handler | None]:
    found: list[Handler | None] = [None] * units
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
