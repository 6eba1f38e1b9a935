"""Lays out the instructions of a code object with its probes inserted, and assembles them.

What comes out differs from the original in four things: the instructions, the constants, and the tables of
locations and of handlers.
"""

from __future__ import annotations

import dis
import opcode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import Any

from escope.engine.capture.instrument.emit_reference import KEPT, PROBE, Steps
from escope.engine.capture.instrument.fuse import Constants, fuse
from escope.engine.capture.instrument.instructions import PY312, PY313, Body, Entry, Op
from escope.engine.capture.instrument.lines import calm
from escope.engine.capture.instrument.locations import location_table
from escope.engine.capture.instrument.pieces import Guard, Label, Piece
from escope.engine.capture.instrument.plan import Insert, Place, Plan
from escope.engine.capture.sites import Location

NOWHERE = Location(None, None, None, None)
_EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]
_SPLIT = {
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
}


@dataclass(slots=True)
class Rewritten:
    """The new code, without its constants, and which of its instructions were inserted."""

    pieces: list[Piece]
    constants: Constants
    """What follows the original constants: the probe of some inserts, or None itself."""
    bytecode: bytes = field(repr=False)
    exceptions: bytes = field(repr=False)
    spans: list[tuple[int, Location]] = field(repr=False)
    """Code units and their location."""

    def code(self, original: CodeType) -> CodeType:
        """The new code object, the ints 0 standing for its probes."""
        placeholders = tuple(None if one is None else 0 for one in self.constants)
        return original.replace(
            co_code=self.bytecode,
            co_consts=original.co_consts + placeholders,
            co_exceptiontable=self.exceptions,
            co_linetable=location_table(self.spans, original.co_firstlineno),
        )


def rewrite(
    plan: Plan, emit: Callable[[Plan, Insert], tuple[Steps, Steps]], *, fused: bool = False
) -> Rewritten:
    """Insert the probes of `plan`, as `emit` makes them; `fused`: neighbours become one."""
    layout = _Layout(plan, emit)
    layout.run()
    pieces, constants = layout.pieces, layout.constants
    if fused:
        pieces, constants = fuse(pieces, constants, len(plan.body.code.co_consts))
    return Rewritten(pieces, constants, *_assemble(pieces))


class _Layout:
    def __init__(self, plan: Plan, emit: Callable[[Plan, Insert], tuple[Steps, Steps]]) -> None:
        self.plan = plan
        self.body: Body = plan.body
        self.emit = emit
        self.pieces: list[Piece] = []
        self.constants: Constants = []
        self._labels = [Label() for _ in self.body.ops]
        self._branch_labels: dict[tuple[int, int], Label] = {}
        self._raised_labels: dict[int, Label] = {}
        self._raised_sources: dict[int, frozenset[int]] = {}
        self._guards: dict[tuple[int, int, bool], Guard] = {}
        self._unwind = Guard(Label(), 0, True)
        self._unwinds = any(insert.place is Place.UNWIND for insert in plan.inserts)
        self._called = False
        self._none: int | None = None
        self._by_place: dict[tuple[int, Place], list[Insert]] = {}
        for insert in plan.inserts:
            self._by_place.setdefault((insert.index, insert.place), []).append(insert)
            if insert.place is Place.BRANCH:
                label = Label()
                for source in insert.sources:
                    self._branch_labels[source, insert.index] = label
            elif insert.place is Place.RAISED:
                self._raised_labels.setdefault(insert.index, Label())
                self._raised_sources[insert.index] = insert.sources

    def run(self) -> None:
        for index, op in enumerate(self.body.ops):
            self._one(index, op)
        for insert in self._by_place.get((len(self.body.ops), Place.UNWIND), []):
            self._mark(self._unwind.label)
            steps, _ = self.emit(self.plan, insert)
            self._insert(insert, steps, NOWHERE, None)
            self._piece("RERAISE", 1, NOWHERE, None)

    # Pieces

    def _piece(
        self,
        name: str,
        arg: int | None,
        location: Location,
        guard: Guard | None,
        label: Label | None = None,
    ) -> None:
        self.pieces.append(Piece(name, arg, location, guard, label=label))

    def _mark(self, label: Label) -> None:
        label.index = len(self.pieces)

    def _constant(self, insert: Insert | None) -> int:
        self.constants.append(None if insert is None else (insert,))
        return len(self.body.code.co_consts) + len(self.constants) - 1

    def _insert(
        self, insert: Insert, steps: Steps, location: Location, guard: Guard | None
    ) -> None:
        number = None
        for step in steps:
            arg = step.arg
            if step.name == "LOAD_CONST" and step.constant is PROBE:
                if number is None:
                    number = self._constant(insert)
                arg = number
            elif step.name == "LOAD_CONST" and step.constant is not KEPT:
                arg = self._none_constant()
            self._piece(step.name, arg, location, guard)

    def _none_constant(self) -> int:
        if self._none is None:
            constants = self.body.code.co_consts
            found = [number for number, one in enumerate(constants) if one is None]
            self._none = found[0] if found else self._constant(None)
        return self._none

    # Guards

    def _guard(self, index: int) -> Guard | None:
        """The handler for what stands at the original instruction `index`."""
        entry = self.body.guards[index]
        if entry is None:
            return self._unwind if self._called else None
        sources = self._raised_sources.get(entry.target)
        through = sources is not None and self._leads(index, entry, sources)
        key = (entry.target, entry.depth * 2 + through, entry.lasti)
        guard = self._guards.get(key)
        if guard is None:
            labels = self._raised_labels if through else self._labels
            guard = self._guards[key] = Guard(labels[entry.target], entry.depth, entry.lasti)
        return guard

    def _leads(self, index: int, entry: Entry, sources: frozenset[int]) -> bool:
        """Whether a probe is passed when `index` raises; what cannot raise goes with what is near."""
        for near in (*range(index, entry.end), *range(index - 1, entry.start - 1, -1)):
            if not calm(self.body.ops[near].name):
                return near in sources
        return False

    def _outer_guard(self, index: int) -> Guard | None:
        """The handler for an exception at the very beginning of the handler at `index`."""
        entry = self.body.guards[index]
        if entry is None:
            return self._unwind
        return self._guard(entry.target)

    # One instruction

    def _one(self, index: int, op: Op) -> None:
        at = self._by_place.get
        fallen: list[Insert] = at((index, Place.FALL), [])
        for insert in fallen:
            steps, _ = self.emit(self.plan, insert)
            location = self._way(insert.source, index)
            self._insert(insert, steps, location, self._guard(insert.source))
        self._branches(index)
        for insert in at((index, Place.RAISED), []):
            label = self._raised_labels[index]
            if label.index < 0:
                self._mark(label)
            steps, _ = self.emit(self.plan, insert)
            self._insert(insert, steps, op.location, self._outer_guard(index))
        self._mark(self._labels[index])
        guard = self._guard(index)
        for insert in at((index, Place.AT), []):
            steps, _ = self.emit(self.plan, insert)
            self._insert(insert, steps, op.location, guard)
        over = [(insert, *self.emit(self.plan, insert)) for insert in at((index, Place.OVER), [])]
        for _, before, _ in over:
            for step in before:
                self._piece(step.name, step.arg, op.location, guard)
        self._keep_send(index, op, guard)
        self._original(index, op, guard)
        self.pieces[-1].kept = sum(len(before) for _, before, _ in over)
        for insert, _, after in over:
            self._insert(insert, after, op.location, guard)

    def _branches(self, index: int) -> None:
        inserts = self._by_place.get((index, Place.BRANCH), [])
        raised = (index, Place.RAISED) in self._by_place
        if not inserts and not raised:
            return
        above = self.body.ops[index - 1]
        if index and above.falls and self.plan.stacks[index - 1] is not None:
            location, guard = above.location, self._guard(index - 1)
            self._piece("JUMP_FORWARD", 0, location, guard, self._labels[index])
        for number, insert in enumerate(inserts):
            guard = self._guard(insert.source)
            location = self._way(insert.source, index)
            self._mark(self._branch_labels[insert.source, index])
            steps, _ = self.emit(self.plan, insert)
            self._insert(insert, steps, location, guard)
            if number + 1 < len(inserts) or raised:
                self._piece("JUMP_FORWARD", 0, location, guard, self._labels[index])

    def _way(self, source: int, target: int) -> Location:
        """The location of what stands on the way between two instructions.

        The source's, so that other tracers see the line begin at the target.  A way back is a line event
        where it arrives: with the source's line it would be two.
        """
        location = self.body.ops[source].location
        if source >= target or location.line is None:
            return self.body.ops[target].location
        return location

    def _keep_send(self, index: int, op: Op, guard: Guard | None) -> None:
        """On 3.11 `throw()` finds the end of a delegation through the SEND directly before YIELD_VALUE.

        What was inserted between the two is followed by a SEND that never runs.
        """
        if PY312 or op.name != "YIELD_VALUE" or not index:
            return
        send = self.body.ops[index - 1]
        if send.name != "SEND" or self.pieces[-1].origin >= 0:
            return
        assert send.target is not None
        over = Label()
        self._piece("JUMP_FORWARD", 0, op.location, guard, over)
        self._piece("SEND", 0, op.location, guard, self._labels[send.target])
        self._mark(over)

    def _original(self, index: int, op: Op, guard: Guard | None) -> None:
        after = self._by_place.get((index, Place.AFTER), [])
        if op.name in _SPLIT:
            for part, slot in enumerate((op.operand >> 4, op.operand & 15)):
                name = _SPLIT[op.name][part]
                self.pieces.append(Piece(name, slot, op.location, guard, index, part))
                for insert in after:
                    if insert.part == part:
                        self._insert(insert, self.emit(self.plan, insert)[1], op.location, guard)
            return
        label = None
        if op.target is not None:
            label = self._branch_labels.get((index, op.target), self._labels[op.target])
        piece = Piece(op.name, op.arg, op.location, guard, index, 0, label)
        if label is None:
            piece.extended = op.extended
        self.pieces.append(piece)
        location = op.location
        if index == self.body.start:
            # Where the frame's first line is: a probe at RESUME itself would begin the line of `def`.
            location = self.body.ops[index + 1].location
            self._called = self._unwinds
            guard = self._guard(index)
        for insert in after:
            self._insert(insert, self.emit(self.plan, insert)[1], location, guard)


@cache
def _opcode(name: str) -> tuple[int, bytes]:
    """The number of an opcode, and the empty cache that follows the instruction."""
    number = opcode.opmap[name]
    entries: Any = dis._inline_cache_entries  # type: ignore[attr-defined]
    count = entries.get(name, 0) if PY313 else entries[number]
    return number, bytes(2 * count)


def _assemble(pieces: list[Piece]) -> tuple[bytes, bytes, list[tuple[int, Location]]]:
    """Bytecode and exception table of `pieces`, whose jumps get their operands; and where each stands."""
    opcodes = [_opcode(piece.name) for piece in pieces]
    jumps = [index for index, piece in enumerate(pieces) if piece.label is not None]
    extended = [
        max(piece.extended, 0 if not piece.arg else (piece.arg.bit_length() - 1) // 8)
        for piece in pieces
    ]
    while True:
        starts = [0]
        for (_, empty), more in zip(opcodes, extended, strict=True):
            starts.append(starts[-1] + 1 + more + len(empty) // 2)
        settled = True
        for index in jumps:
            piece = pieces[index]
            assert piece.label is not None
            distance = starts[piece.label.index] - starts[index + 1]
            piece.arg = -distance if "BACKWARD" in piece.name else distance
            needed = max(0, piece.arg.bit_length() - 1) // 8
            if needed > extended[index]:
                extended[index] = needed
                settled = False
        if settled:
            break
    data = bytearray()
    spans = []
    for index, piece in enumerate(pieces):
        number, empty = opcodes[index]
        arg = piece.arg or 0
        for high in range(extended[index], 0, -1):
            data += bytes((_EXTENDED_ARG, arg >> 8 * high & 0xFF))
        data += bytes((number, arg & 0xFF))
        data += empty
        spans.append((starts[index + 1] - starts[index], piece.location))
    return bytes(data), _table(pieces, starts), spans


def _table(pieces: list[Piece], starts: list[int]) -> bytes:
    """The exception table, as CPython's `Objects/exception_handling_notes.txt` describes it."""
    table = bytearray()
    begin = 0
    for index in range(1, len(pieces) + 1):
        guard = pieces[begin].guard
        if index < len(pieces) and pieces[index].guard is guard:
            continue
        if guard is not None:
            entry = len(table)
            _put(table, starts[begin])
            _put(table, starts[index] - starts[begin])
            _put(table, starts[guard.label.index])
            _put(table, guard.depth << 1 | guard.lasti)
            table[entry] |= 0x80
        begin = index
    return bytes(table)


def _put(table: bytearray, value: int) -> None:
    """Append a number in groups of six bits, the highest first; bit 6 says that more follow."""
    groups = [value & 0x3F]
    while value := value >> 6:
        groups.append(0x40 | value & 0x3F)
    table.extend(reversed(groups))
