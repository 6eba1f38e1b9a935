"""Taps: probes at a few named points of a function that is not traced otherwise.

What is inserted hands some locals to an object: `del tap[(a, b)]`.  As everywhere here nothing else changes,
and that is verified.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType

from escope.engine.capture.instrument.emit_reference import PROBE, Step, Steps
from escope.engine.capture.instrument.flow import stacks
from escope.engine.capture.instrument.instructions import PY312, Body, Op, UnknownCode, parse
from escope.engine.capture.instrument.plan import Insert, Place, Plan
from escope.engine.capture.instrument.rewrite import rewrite
from escope.engine.capture.instrument.verify import verify
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import fast_names

_LOADS = ("LOAD_ATTR", "LOAD_METHOD")


@dataclass(frozen=True, slots=True)
class Point:
    """Where a tap stands: every place of the function that `where` and `name` describe.

    `entry`: its beginning; `return`: before it returns; `stored`: after the local `name` was stored; `first`: the
    first of these; `set`: after the attribute `name` was set; `called`: after the method `name` was called as a
    statement; `before`: before the attribute `name` of a local is looked up.
    """

    where: str
    name: str = ""


def tapped(code: CodeType, taps: Sequence[tuple[Point, tuple[str, ...], object]]) -> CodeType:
    """Return `code` with taps, each of them a point, the locals that are handed over, and the object.

    Raises `UnknownCode` where a point or a local is not there, or the code cannot be rewritten safely.
    """
    body = parse(code)
    names, cells = fast_names(code)
    plan = Plan(body, stacks(body), names, cells)
    for number, (point, operands, _) in enumerate(taps):
        slots = tuple(_slot(code, name, names, cells) for name in operands)
        found = [
            Insert(Role.TAP, place, index, number, slots, part)
            for place, index, part in _places(body, point, names)
            if plan.stacks[index] is not None
        ]
        if not found:
            raise UnknownCode(f"there is no place {point.where} {point.name}".rstrip())
        plan.inserts += found
    rewritten = rewrite(plan, _emit)
    made = rewritten.code(code)
    stack_size = verify(body, plan.stacks, rewritten, made)
    objects = tuple(None if one is None else taps[one[0].spec][2] for one in rewritten.constants)
    return made.replace(co_consts=code.co_consts + objects, co_stacksize=stack_size)


def _slot(code: CodeType, name: str, names: list[str], cells: list[int]) -> int:
    if name not in names or names.index(name) in cells:
        raise UnknownCode(f"{name} is no plain local")
    return names.index(name)


def _places(body: Body, point: Point, names: list[str]) -> Iterator[tuple[Place, int, int]]:
    """The places of a point: before or after which instruction, or which half of it."""
    if point.where == "entry":
        yield Place.AFTER, body.start, 0
        return
    for index, op in enumerate(body.ops):
        match point.where:
            case "return" if op.name in ("RETURN_VALUE", "RETURN_CONST"):
                yield Place.AT, index, 0
            case "stored" | "first":
                for part, slot in enumerate(_stored(op)):
                    if names[slot] == point.name:
                        yield Place.AFTER, index, part
                        if point.where == "first":
                            return
            case "set" if op.name == "STORE_ATTR" and _attribute(body, op) == point.name:
                yield Place.AFTER, index, 0
            case "called" if op.name in _LOADS and _attribute(body, op) == point.name:
                later = range(index + 1, len(body.ops))
                yield Place.AFTER, next(n for n in later if body.ops[n].name == "POP_TOP"), 0
            case "before" if op.name in _LOADS and _attribute(body, op) == point.name:
                yield Place.AT, index - 1, 0


def _stored(op: Op) -> tuple[int, ...]:
    """The slots that an instruction stores, by its halves."""
    if op.name == "STORE_FAST":
        return (op.operand,)
    if op.name == "STORE_FAST_STORE_FAST":
        return op.operand >> 4, op.operand & 15
    return (op.operand >> 4,) if op.name == "STORE_FAST_LOAD_FAST" else ()


def _attribute(body: Body, op: Op) -> str:
    shift = 1 if PY312 and op.name == "LOAD_ATTR" else 0
    return body.code.co_names[op.operand >> shift]


def _emit(plan: Plan, insert: Insert) -> tuple[Steps, Steps]:
    slots: tuple[int, ...] = insert.extra
    loads = tuple(Step("LOAD_FAST", slot) for slot in slots)
    steps = (
        Step("LOAD_CONST", 0, PROBE),
        *loads,
        Step("BUILD_TUPLE", len(loads)),
        Step("DELETE_SUBSCR"),
    )
    return ((), steps) if insert.place is Place.AFTER else (steps, ())
