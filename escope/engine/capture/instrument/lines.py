"""Where line probes stand, so that each fires exactly when `sys.settrace` would report the line.

Whether an instruction begins a line depends on the one that ran before it, so it is decided for every
edge of the control flow, and the probe is placed where all of these edges, and no others, pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from escope.engine.capture.instrument.flow import LASTI, Stack
from escope.engine.capture.instrument.instructions import (
    NO_FALL,
    PY312,
    STRAIGHT_JUMPS,
    Body,
)
from escope.engine.capture.instrument.line_rules import LineRules, loop_exit

_CALM = frozenset(
    {
        "NOP",
        "POP_TOP",
        "LOAD_CONST",
        "LOAD_FAST",
        "LOAD_FAST_LOAD_FAST",
        "LOAD_FAST_AND_CLEAR",
        "STORE_FAST",
        "STORE_FAST_LOAD_FAST",
        "STORE_FAST_STORE_FAST",
        "PUSH_NULL",
        "COPY",
        "SWAP",
        "JUMP_FORWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
        "PUSH_EXC_INFO",
        "POP_EXCEPT",
        "KW_NAMES",
        "RETURN_CONST",
        "RETURN_VALUE",
        "MAKE_CELL",
        "LOAD_CLOSURE",
        "END_FOR",
        "END_SEND",
    }
) - (frozenset() if PY312 else frozenset({"LOAD_FAST"}))
"""Opcodes that raise nothing; 3.11 has no LOAD_FAST_CHECK of its own."""
_UNTOUCHABLE = frozenset({"RESUME", "END_FOR", "END_SEND"})


@dataclass(slots=True)
class LinePlan:
    """Indexes of the instructions at which the lines of line moments begin, by how they are reached."""

    at: set[int] = field(default_factory=set)
    """Every way that leads there."""
    falls: dict[int, int] = field(default_factory=dict)
    """Only from the instruction above, or from the loop that ended; the value is where from."""
    jumps: list[tuple[int, int]] = field(default_factory=list)
    """(source, target): only from these unconditional jumps."""
    branches: list[tuple[int, int]] = field(default_factory=list)
    """(source, target): only from these conditional jumps."""
    handlers: dict[int, set[int]] = field(default_factory=dict)
    """By handler: only when one of these instructions raised."""


class _Ways:
    """The ways into each instruction."""

    def __init__(self) -> None:
        self.fall: dict[int, int] = {}
        self.jumps: dict[int, list[int]] = {}
        self.raised: dict[int, list[int]] = {}


def _ways(body: Body, stacks: list[Stack | None]) -> _Ways:
    ops = body.ops
    ways = _Ways()
    closing: set[int] = set()
    if PY312:
        for index, op in enumerate(ops):
            if op.name == "FOR_ITER" and stacks[index] is not None:
                end = loop_exit(ops, index)
                assert op.target is not None
                closing.update(range(op.target, end))
                ways.fall[end] = index
    for index in range(body.start, len(ops)):
        op = ops[index]
        if stacks[index] is None or index in closing:
            continue
        if op.target is not None and not (PY312 and op.name == "FOR_ITER"):
            ways.jumps.setdefault(op.target, []).append(index)
        if op.name not in NO_FALL and index + 1 not in closing:
            ways.fall[index + 1] = index
        guard = body.guards[index]
        if guard is not None and op.name not in _CALM:
            ways.raised.setdefault(guard.target, []).append(index)
    return ways


def _raisers(index: int, body: Body, stacks: list[Stack | None]) -> set[int]:
    """What counts as having run before a handler that `index` leads to.

    A RERAISE that gives back the offset of its exception stands for all that its handler covers.
    """
    found: set[int] = set()
    seen: set[int] = set()
    todo = [index]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        op, stack = body.ops[current], stacks[current]
        tag = 0
        if op.name == "RERAISE" and op.arg and stack is not None:
            tag = stack[-1 - op.arg]
        if tag >= LASTI:
            handler = tag - LASTI
            for other, guard in enumerate(body.guards):
                if guard is None or guard.target != handler or stacks[other] is None:
                    continue
                if body.ops[other].name not in _CALM:
                    todo.append(other)
        else:
            found.add(current)
    return found


def plan_lines(body: Body, stacks: list[Stack | None]) -> LinePlan:
    """Decide where the line moments of `body` are."""
    ops = body.ops
    rules = LineRules(body)
    ways = _ways(body, stacks)
    plan = LinePlan()
    targets = set(ways.fall) | set(ways.jumps) | set(ways.raised)
    for target in sorted(targets):
        if target >= len(ops) or ops[target].location.line is None:
            continue
        fall = ways.fall.get(target)
        fall_fires = fall is not None and rules.fires(fall, target)
        jumps = ways.jumps.get(target, [])
        jumps_fire = [source for source in jumps if rules.fires(source, target)]
        raised = ways.raised.get(target, [])
        raised_fire = {
            source
            for source in raised
            if any(rules.thrown(one, target) for one in _raisers(source, body, stacks))
        }
        if not fall_fires and not jumps_fire and not raised_fire:
            continue
        everything = (
            (fall is None or fall_fires)
            and len(jumps_fire) == len(jumps)
            and len(raised_fire) == len(raised)
        )
        if ops[target].name in _UNTOUCHABLE:
            plan.jumps += [(one, target) for one in jumps_fire if ops[one].name in STRAIGHT_JUMPS]
            continue
        if everything:
            plan.at.add(target)
            continue
        if fall_fires:
            assert fall is not None
            plan.falls[target] = fall
        for source in jumps_fire:
            straight = ops[source].name in STRAIGHT_JUMPS
            (plan.jumps if straight else plan.branches).append((source, target))
        if raised_fire:
            plan.handlers[target] = raised_fire
    return plan


def calm(name: str) -> bool:
    """Whether an instruction of this name raises nothing."""
    return name in _CALM
