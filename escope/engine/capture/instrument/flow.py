"""Which instruction can follow which, and what lies on the stack before each.

The stack is followed by tags: what a slot is known to hold, where that matters (see `Tag`s below).
"""

from __future__ import annotations

import dis
import opcode
from functools import cache

from escope.engine.capture.instrument.instructions import (
    NO_FALL,
    PY312,
    PY313,
    Body,
    Op,
    UnknownCode,
)

OTHER = 0
NULL = 1
"""Pushed by PUSH_NULL, or with a global that is to be called."""
METHOD = 2
"""One of the two slots that the lookup of a method fills."""
SAVED = 1 << 10
"""SAVED + slot: what LOAD_FAST_AND_CLEAR took out of a variable, possibly NULL."""
LASTI = 1 << 20
"""LASTI + index of a handler: the offset at which its exception was raised."""

Stack = tuple[int, ...]


def method_lookup(op: Op) -> bool:
    """Whether `op` pushes a method and its receiver."""
    if op.name == "LOAD_METHOD":
        return True
    return PY312 and op.name in ("LOAD_ATTR", "LOAD_SUPER_ATTR") and bool(op.operand & 1)


@cache
def _effect(name: str, arg: int | None, jump: bool) -> int:
    if name == "PRECALL":
        return 0
    if name == "RETURN_GENERATOR":
        return 1
    return dis.stack_effect(opcode.opmap[name], arg, jump=jump)


_CALLS = {"CALL": 2, "CALL_KW": 3}
_TAGGED = frozenset(
    {
        *_CALLS,
        "SWAP",
        "COPY",
        "PUSH_NULL",
        "LOAD_GLOBAL",
        "LOAD_FAST_AND_CLEAR",
        "LOAD_METHOD",
        "LOAD_ATTR",
        "LOAD_SUPER_ATTR",
        "PUSH_EXC_INFO",
    }
)
"""Opcodes of which more than the effect on the depth counts."""


def after(op: Op, stack: Stack, jump: bool) -> Stack:
    """The stack after `op`; `UnknownCode` if it would be less than empty."""
    if op.name in _TAGGED:
        tagged = _tagged(op, stack)
        if tagged is not None:
            return tagged
    effect = _effect(op.name, op.arg, jump)
    if effect >= 0:
        return stack + (OTHER,) * effect
    return _popped(stack, -effect)


def _tagged(op: Op, stack: Stack) -> Stack | None:
    """The stack after `op`; None if nothing but the effect on the depth counts."""
    name = op.name
    if name == "SWAP":
        return _swapped(stack, op.operand)
    if name == "COPY":
        return (*stack, stack[-op.operand])
    if name in _CALLS:
        return (*_popped(stack, op.operand + _CALLS[name]), OTHER)
    if name == "PUSH_NULL":
        return (*stack, NULL)
    if name == "LOAD_GLOBAL" and op.operand & 1:
        return stack + ((OTHER, NULL) if PY313 else (NULL, OTHER))
    if name == "LOAD_FAST_AND_CLEAR":
        return (*stack, SAVED + op.operand)
    if method_lookup(op):
        return (*_popped(stack, 3 if name == "LOAD_SUPER_ATTR" else 1), METHOD, METHOD)
    if name == "PUSH_EXC_INFO":
        return (*_popped(stack, 1), OTHER, OTHER)
    return None


def _popped(stack: Stack, count: int) -> Stack:
    if count > len(stack):
        raise UnknownCode("the stack would be less than empty")
    return stack[: len(stack) - count]


def _swapped(stack: Stack, depth: int) -> Stack:
    if depth > len(stack):
        raise UnknownCode("the stack would be less than empty")
    items = list(stack)
    items[-1], items[-depth] = items[-depth], items[-1]
    return tuple(items)


def _merged(one: Stack, two: Stack) -> Stack:
    if len(one) != len(two):
        raise UnknownCode(f"stack depths {len(one)} and {len(two)} at one place")
    return tuple(
        a if a == b else (max(a, b) if SAVED <= max(a, b) < LASTI else OTHER)
        for a, b in zip(one, two, strict=True)
    )


def stacks(body: Body) -> list[Stack | None]:
    """The stack before each instruction, None for those that cannot be reached.

    Raises `UnknownCode` if depths differ where ways join.
    """
    ops, guards = body.ops, body.guards
    found: list[Stack | None] = [None] * len(ops)
    found[0] = ()
    todo = [0]
    kept: dict[int, Stack] = {}
    """By the id of an entry: what lay beneath when an instruction last led to its handler."""

    def arrive(index: int, stack: Stack) -> None:
        if index >= len(ops):
            raise UnknownCode("it runs over its end")
        known = found[index]
        if known == stack:
            return
        merged = stack if known is None else _merged(known, stack)
        if merged != known:
            found[index] = merged
            todo.append(index)

    while todo:
        index = todo.pop()
        while True:
            stack = found[index]
            assert stack is not None
            op = ops[index]
            guard = guards[index]
            if guard is not None:
                if guard.depth > len(stack):
                    raise UnknownCode("a handler wants more stack than there is")
                beneath = stack[: guard.depth]
                if kept.get(id(guard)) != beneath:
                    kept[id(guard)] = beneath
                    lasti = (LASTI + guard.target,) if guard.lasti else ()
                    arrive(guard.target, beneath + lasti + (OTHER,))
            if op.target is not None:
                arrive(op.target, after(op, stack, True))
            if op.name in NO_FALL:
                break
            following = after(op, stack, False)
            if index + 1 < len(ops) and found[index + 1] is None:
                found[index + 1] = following
                index += 1
                continue
            arrive(index + 1, following)
            break
    return found
