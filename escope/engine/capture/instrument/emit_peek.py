"""What the plan's probes become for the C core: `~P`, and where in the frame it finds its operands.

Nothing is handed over: a probe reads the variables and the value stack of the frame that runs.  Only what an
instruction consumes before its probe fires is kept below it by copies.
"""

from __future__ import annotations

from typing import NamedTuple

from escope.engine.capture.instrument.emit_reference import (
    DEPTHS,
    FIRE,
    Step,
    Steps,
    kept_operands,
)
from escope.engine.capture.instrument.flow import NULL, after
from escope.engine.capture.instrument.instructions import PY313
from escope.engine.capture.instrument.plan import Insert, Place, Plan
from escope.engine.capture.roles import Role

_POP = Step("POP_TOP")


class Operands(NamedTuple):
    """Where a probe's operands lie: places among the frame's variables and, behind them, its value stack."""

    at: int = -1
    """The first operand; of a call, the callable (or the lower slot of a looked-up method)."""
    first: int = 0
    """Of a call: the first argument."""
    size: int = 0
    """How many operands (of a call: arguments)."""
    constant: int = -1
    """Index among the constants of the code, of an operand that is one and lies nowhere; else -1."""


def emit(plan: Plan, insert: Insert) -> tuple[Steps, Steps]:
    """What comes before and what comes after the instruction of `insert`."""
    if insert.place is Place.OVER:
        kept = kept_operands(insert, plan.body.ops[insert.index])
        return (Step("COPY", kept),) * kept, FIRE + (_POP,) * kept
    return ((), FIRE) if insert.place is Place.AFTER else (FIRE, ())


def peek(plan: Plan, insert: Insert) -> Operands:
    """Where the probe of `insert` finds its operands when it fires."""
    role = insert.role
    base = len(plan.variables)
    if insert.index >= len(plan.body.ops):
        return Operands(
            base + 1
        )  # the handler around everything: where it was raised, the exception
    op = plan.body.ops[insert.index]
    stack = plan.stacks[insert.index]
    assert stack is not None
    if insert.place is Place.OVER:
        kept = kept_operands(insert, op)
        return Operands(base + len(stack) - kept, size=kept)
    if role is Role.ARGS:
        return _args(plan, insert, base)
    if role is Role.RETURN and op.name == "RETURN_CONST":
        return Operands(constant=op.operand)
    depth = len(after(op, stack, False)) if insert.place is Place.AFTER else len(stack)
    below = DEPTHS.get(op.name, 1) if role is Role.TOUCH else 1
    return Operands(base + depth - below)


def _args(plan: Plan, insert: Insert, base: int) -> Operands:
    op = plan.body.ops[insert.source]
    stack = plan.stacks[insert.source]
    assert stack is not None
    lower, method = insert.extra
    if op.name == "CALL_FUNCTION_EX":
        callee = lower if PY313 else lower + 1
        return Operands(base + callee, base + lower + 2, 1 + (op.operand & 1))
    first, count = lower + 2, op.operand
    callee = lower
    if not method:
        if stack[lower] == NULL:
            callee = lower + 1
        elif stack[lower + 1] != NULL:
            first, count = lower + 1, count + 1
    return Operands(base + callee, base + first, count)
