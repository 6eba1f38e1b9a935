"""Instructions of a code object as compiled: one `Op` each, jumps by index, and what opcodes are like.

This module is the only one that knows the library `bytecode`, apart from its version.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import CodeType

from bytecode import ConcreteBytecode, ConcreteInstr
from bytecode.instr import UNSET

from escope.engine.capture.sites import Location

PY312 = sys.version_info >= (3, 12)
PY313 = sys.version_info >= (3, 13)

NO_FALL = frozenset(
    {
        "JUMP_FORWARD",
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
        "RETURN_VALUE",
        "RETURN_CONST",
        "RAISE_VARARGS",
        "RERAISE",
    }
)
"""Opcodes after which the next instruction does not follow."""
STRAIGHT_JUMPS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})
RESUME_WHERE = 3
"""Bits of RESUME's operand that tell where: 0 at the start, 1 after yield, 2 yield from, 3 await."""


@dataclass(slots=True)
class Op:
    """One instruction, its EXTENDED_ARGs and caches included."""

    name: str
    arg: int | None
    location: Location
    offset: int
    """In code units, of its first EXTENDED_ARG."""
    size: int
    """In code units."""
    extended: int
    """EXTENDED_ARGs as compiled."""
    target: int | None = None
    """Index of the instruction it may jump to."""

    @property
    def falls(self) -> bool:
        """Whether the next instruction can follow."""
        return self.name not in NO_FALL

    @property
    def operand(self) -> int:
        """`arg` of an instruction that has one."""
        assert self.arg is not None
        return self.arg


@dataclass(slots=True)
class Entry:
    """An entry of the exception table, by indexes of instructions."""

    start: int
    end: int
    """One more than the last."""
    target: int
    depth: int
    lasti: bool


@dataclass(slots=True)
class Body:
    """What a code object does."""

    code: CodeType
    ops: list[Op]
    entries: list[Entry]
    guards: list[Entry | None]
    """The entry that covers each instruction."""
    start: int
    """Index of the RESUME at which the frame begins."""


class UnknownCode(Exception):
    """Code that is not as CPython's compiler makes it; the message says why."""


def parse(code: CodeType) -> Body:
    """Return the instructions of `code`; raise `UnknownCode` where they do not add up."""
    concrete = ConcreteBytecode.from_code(code)
    ops: list[Op] = []
    owners: list[int] = []
    jumps: list[tuple[Op, int]] = []
    offset = 0
    for instr in concrete:
        if not isinstance(instr, ConcreteInstr):
            raise UnknownCode("a line marker among the instructions")
        if instr.name == "CACHE" and ops:
            ops[-1].size += 1
            owners.append(len(ops) - 1)
            offset += 1
            continue
        place = instr.location
        location = (
            Location(None, None, None, None)
            if place is None
            else Location(place.lineno, place.end_lineno, place.col_offset, place.end_col_offset)
        )
        size = instr.size // 2
        arg = None if instr.arg is UNSET else int(instr.arg)
        op = Op(instr.name, arg, location, offset, size, size - 1)
        target = instr.get_jump_target(offset)
        if target is not None:
            jumps.append((op, target))
        owners.extend([len(ops)] * size)
        ops.append(op)
        offset += size
    try:
        for op, unit in jumps:
            op.target = owners[unit]
            if ops[op.target].offset != unit:
                raise UnknownCode("a jump into an instruction")
        entries = [
            Entry(
                owners[entry.start_offset],
                owners[entry.stop_offset] + 1,
                owners[entry.target],
                entry.stack_depth,
                entry.push_lasti,
            )
            for entry in concrete.exception_table
        ]
    except IndexError:
        raise UnknownCode("a jump out of the code") from None
    guards: list[Entry | None] = [None] * len(ops)
    for entry in entries:
        for index in range(entry.start, entry.end):
            if guards[index] is not None:
                raise UnknownCode("exception table entries overlap")
            guards[index] = entry
    for index, op in enumerate(ops):
        if op.name == "RESUME":
            if op.operand & RESUME_WHERE:
                raise UnknownCode("it does not begin with a RESUME")
            return Body(code, ops, entries, guards, index)
    raise UnknownCode("it has no RESUME")
