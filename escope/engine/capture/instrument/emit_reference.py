"""What the plan's probes become for the Python core: operands are handed over through type slots.

`~P`, `del P[x]` and `P[x] = y`, where P is the probe constant; see `Role` and docs/capture.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from escope.engine.capture.instrument.flow import NULL
from escope.engine.capture.instrument.instructions import PY313, Op
from escope.engine.capture.instrument.plan import Insert, Place, Plan
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import parameter_count

PROBE = object()
"""Stands for the probe where a constant is loaded."""
KEPT = object()
"""Stands for the constant that the operand says."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction to insert; `constant` is what a LOAD_CONST loads: PROBE, KEPT or None."""

    name: str
    arg: int | None = None
    constant: object = None


_LOAD = Step("LOAD_CONST", 0, PROBE)
_NONE = Step("LOAD_CONST", 0, None)
_DELETE = Step("DELETE_SUBSCR")
FIRE = (_LOAD, Step("UNARY_INVERT"), Step("POP_TOP"))
DEPTHS = {
    "BINARY_SUBSCR": 2,
    "BINARY_SLICE": 3,
    "BINARY_OP": 2,
    "FOR_ITER": 2,
    "WITH_EXCEPT_START": 4,
}
"""How far below the top TOUCH's operand lies, where that is not the top itself."""
_KEPT = {
    Role.SETATTR: 2,
    Role.DELATTR: 1,
    Role.DELITEM: 2,
    Role.STORE: 1,
}
_LOAD_CELL = "LOAD_FAST" if PY313 else "LOAD_CLOSURE"

Steps = tuple[Step, ...]


def kept_operands(insert: Insert, op: Op) -> int:
    """How many operands of `op` the probe around it needs after it."""
    if insert.role is Role.SETITEM:
        return 4 if op.name == "STORE_SLICE" else 3
    return _KEPT[insert.role]


def _hand_over(depth: int) -> Steps:
    """`del P[x]`, x lying at `depth` from the top (1: the top)."""
    return (_LOAD, Step("COPY", depth + 1), _DELETE)


def emit(plan: Plan, insert: Insert) -> tuple[Steps, Steps]:
    """What comes before and what comes after the instruction of `insert`.

    For a place that is not around the instruction one of the two is empty.
    """
    if insert.place is Place.OVER:
        return _over(insert, plan.body.ops[insert.index])
    steps = _fire(plan, insert)
    return ((), steps) if insert.place is Place.AFTER else (steps, ())


def _over(insert: Insert, op: Op) -> tuple[Steps, Steps]:
    if insert.role is Role.SETATTR:
        return (Step("COPY", 2),) * 2, (_LOAD, Step("SWAP", 2), Step("STORE_SUBSCR"))
    kept = kept_operands(insert, op)
    copies = (Step("COPY", kept),) * kept
    if insert.role not in (Role.SETITEM, Role.DELITEM):
        return copies, (_LOAD, Step("SWAP", 2), _DELETE)
    pack = (Step("BUILD_TUPLE", kept), _LOAD, Step("SWAP", 2), _DELETE)
    # They end as they would have without the probe, the lowest first, and not with the tuple, the last first.
    return copies, (*copies, *pack, Step("SWAP", kept), *(Step("POP_TOP"),) * kept)


def _fire(plan: Plan, insert: Insert) -> Steps:
    role = insert.role
    if role is Role.CALL:
        return _call(plan)
    if role is Role.ARGS:
        return _args(plan, insert)
    if insert.index >= len(plan.body.ops):
        return _hand_over(1)
    op = plan.body.ops[insert.index]
    if role is Role.RETURN and op.name == "RETURN_CONST":
        return (_LOAD, Step("LOAD_CONST", op.operand, KEPT), _DELETE)
    if role in (Role.RETURN, Role.YIELD, Role.RESUME, Role.EXCEPT, Role.HANDLE, Role.RECEIVER):
        return _hand_over(1)
    if role is Role.TOUCH:
        return _hand_over(DEPTHS.get(op.name, 1))
    if role is Role.STORE and op.name != "STORE_DEREF":
        slot = plan.specs[insert.spec].slot
        return (_LOAD, Step("LOAD_FAST", slot), _DELETE)
    if role is Role.STORE or (role is Role.DELETE and op.name == "DELETE_DEREF"):
        return (_LOAD, Step(_LOAD_CELL, plan.specs[insert.spec].slot), _DELETE)
    return FIRE


def _call(plan: Plan) -> Steps:
    parameters = range(parameter_count(plan.body.code))
    loads = [Step("LOAD_FAST", slot) for slot in parameters if slot not in plan.cells]
    loads += [Step(_LOAD_CELL, slot) for slot in plan.cells]
    return (_LOAD, *loads, Step("BUILD_TUPLE", len(loads)), _DELETE)


def _args(plan: Plan, insert: Insert) -> Steps:
    """Copies of the operands of a call; equal distances, as each copy adds one to the stack."""
    op = plan.body.ops[insert.source]
    stack = plan.stacks[insert.source]
    assert stack is not None
    depth = len(stack)
    lower, method = insert.extra
    if op.name == "CALL_FUNCTION_EX":
        keywords = op.operand & 1
        copies = [Step("COPY", depth + 1 - (lower if PY313 else lower + 1))]
        copies += [Step("COPY", depth + 2 - (lower + 2))] * (1 + keywords)
        if not keywords:
            copies.append(_NONE)
    else:
        first = lower + 2
        count = op.operand
        if method:
            copies = [_NONE]
        elif stack[lower] == NULL:
            copies = [Step("COPY", depth + 1 - (lower + 1))]
        else:
            copies = [Step("COPY", depth + 1 - lower)]
            if stack[lower + 1] != NULL:
                first, count = lower + 1, count + 1
        copies += [Step("COPY", depth + 2 - first)] * count
    return (_LOAD, *copies, Step("BUILD_TUPLE", len(copies)), _DELETE)
