"""The plan of a code object: which probes it gets, and where; the same for every core."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from types import CodeType
from typing import Any

from escope.engine.capture.instrument.flow import METHOD, SAVED, Stack, method_lookup, stacks
from escope.engine.capture.instrument.instructions import (
    PY312,
    RESUME_WHERE,
    Body,
    Op,
)
from escope.engine.capture.instrument.lines import LinePlan, plan_lines
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import Location, SiteSpec, fast_names
from escope.events import Kind

_INPLACE = 13
"""First operand of BINARY_OP that means an operation in place."""
_IMPORT_STAR, _ASYNC_GEN_WRAP = 2, 4
"""Operands of CALL_INTRINSIC_1."""


class Place(Enum):
    """Where a probe stands."""

    AT = auto()
    """Before the instruction; whatever leads to it passes the probe."""
    FALL = auto()
    """Before the instruction, passed only when it is reached from above."""
    BRANCH = auto()
    """Before the instruction, passed only by some conditional jumps to it."""
    RAISED = auto()
    """Before a handler, passed only when some instructions raised."""
    OVER = auto()
    """Around the instruction: operands are kept before it, the probe fires after it."""
    AFTER = auto()
    """After the instruction, when it goes on to the next."""
    UNWIND = auto()
    """The handler around everything."""


@dataclass(slots=True)
class Insert:
    """One probe."""

    role: Role
    place: Place
    index: int
    """Of the instruction."""
    spec: int
    """Index of its site."""
    extra: Any = None
    part: int = 0
    """1: what belongs to the second half of a superinstruction."""
    source: int = -1
    """The instruction that it is passed from, where the place depends on that."""
    sources: frozenset[int] = frozenset()
    """BRANCH, RAISED: the instructions that lead through it."""


@dataclass(slots=True)
class Plan:
    """All probes of one code object, in the order in which they stand at each place."""

    body: Body
    stacks: list[Stack | None]
    variables: list[str]
    """By slot."""
    cells: list[int]
    inserts: list[Insert] = field(default_factory=list)
    specs: list[SiteSpec] = field(default_factory=list)


def make_plan(body: Body) -> Plan:
    """Return the plan for `body`; `UnknownCode` if its code does not add up."""
    return _Planner(body).made()


class _Planner:
    def __init__(self, body: Body) -> None:
        self.body = body
        self.code: CodeType = body.code
        self.ops = body.ops
        names, cells = fast_names(self.code)
        self.plan = Plan(body, stacks(body), names, cells)
        self._keys: dict[tuple[Any, ...], int] = {}
        self.lines: LinePlan = plan_lines(body, self.plan.stacks)
        self._real = self._real_variables()
        self._handled = self._with_handlers()

    def made(self) -> Plan:
        for index, op in enumerate(self.ops):
            if index >= self.body.start and self.plan.stacks[index] is not None:
                self._around(index, op)
        self._add(Role.UNWIND, Place.UNWIND, len(self.ops), Kind.UNWIND)
        return self.plan

    # Sites

    def _site(self, index: int, kind: Kind | None, name: str | None, slot: int | None) -> int:
        key = (index, kind, name, slot)
        found = self._keys.get(key)
        if found is None:
            found = self._keys[key] = len(self.plan.specs)
            if index < len(self.ops):
                op = self.ops[index]
                location, offset = op.location, op.offset * 2
            else:
                first = self.code.co_firstlineno
                location, offset = Location(first, first, None, None), 0
            self.plan.specs.append(SiteSpec(kind, location, name, slot, offset))
        return found

    def _add(
        self,
        role: Role,
        place: Place,
        index: int,
        kind: Kind | None = None,
        name: str | None = None,
        slot: int | None = None,
        extra: Any = None,
        **where: Any,
    ) -> None:
        spec = self._site(where.pop("site_of", index), kind, name, slot)
        self.plan.inserts.append(Insert(role, place, index, spec, extra, **where))

    # One instruction

    def _around(self, index: int, op: Op) -> None:
        self._reached(index)
        if index in self._handled:
            self._add(Role.HANDLE, Place.AT, index, Kind.HANDLE)
        if index in self.lines.at and op.name != "PUSH_EXC_INFO":
            at = index
            while self.ops[at].name in ("CALL", "PRECALL") and self.ops[at - 1].name in (
                "KW_NAMES",
                "PRECALL",
            ):
                at -= 1
            self._add(Role.LINE, Place.AT, at, Kind.LINE, site_of=index)
        self._before(index, op)
        self._after(index, op)
        for source, target in self.lines.jumps:
            if source == index:
                self._add(Role.LINE, Place.AT, index, Kind.LINE, site_of=target)

    def _reached(self, index: int) -> None:
        fall = self.lines.falls.get(index)
        if fall is not None:
            self._add(Role.LINE, Place.FALL, index, Kind.LINE, source=fall)
        by_line: dict[int | None, set[int]] = {}
        for source, target in self.lines.branches:
            if target == index:
                by_line.setdefault(self.ops[source].location.line, set()).add(source)
        for sources in by_line.values():
            self._add(
                Role.LINE,
                Place.BRANCH,
                index,
                Kind.LINE,
                source=min(sources),
                sources=frozenset(sources),
            )
        raised = self.lines.handlers.get(index)
        if raised:
            if self.ops[index].name == "PUSH_EXC_INFO":
                self._add(Role.EXCEPT, Place.RAISED, index, Kind.RAISE, sources=frozenset(raised))
            self._add(Role.LINE, Place.RAISED, index, Kind.LINE, sources=frozenset(raised))

    def _before(self, index: int, op: Op) -> None:
        name, add = op.name, self._add
        depth = len(self.plan.stacks[index] or ())
        if name in ("RETURN_VALUE", "RETURN_CONST"):
            add(Role.RETURN, Place.AT, index, Kind.RETURN)
        elif name == "YIELD_VALUE":
            # An async generator's value is wrapped before it is yielded: it is handed over unwrapped.
            at = index - 1 if self._wraps(self.ops[index - 1]) else index
            add(Role.YIELD, Place.AT, at, Kind.YIELD, site_of=index)
        elif name == "RAISE_VARARGS":
            add(Role.RAISING, Place.AT, index)
        elif method_lookup(op):
            slot: Any = depth - 1
            if name == "LOAD_SUPER_ATTR":
                # `super`, the class and the receiver lie there; the method's place is the lowest.
                slot = (depth - 3, True)
            add(Role.RECEIVER, Place.AT, index, name=self._attribute(op), extra=slot)
        elif name == "LOAD_ATTR":
            add(Role.TOUCH, Place.AT, index, name=self._attribute(op))
        elif name in ("BINARY_SUBSCR", "BINARY_SLICE"):
            add(Role.TOUCH, Place.AT, index)
        elif name in ("BEFORE_WITH", "BEFORE_ASYNC_WITH", "WITH_EXCEPT_START"):
            add(Role.TOUCH, Place.AT, index, extra="deep")
        elif name == "BINARY_OP" and op.operand >= _INPLACE:
            add(Role.TOUCH, Place.AT, index, extra=True)
        elif name in ("CALL", "CALL_KW", "CALL_FUNCTION_EX"):
            self._call(index, op, depth)

    def _call(self, index: int, op: Op, depth: int) -> None:
        stack = self.plan.stacks[index]
        assert stack is not None
        if op.name == "CALL_FUNCTION_EX":
            lower = depth - 3 - (op.operand & 1)
            extra, name = (lower, False), "*"
        else:
            lower = depth - op.operand - (3 if op.name == "CALL_KW" else 2)
            extra, name = (lower, stack[lower] == METHOD), None
        at = index
        while self.ops[at - 1].name in ("KW_NAMES", "PRECALL"):
            at -= 1
        self._add(Role.ARGS, Place.AT, at, name=name, extra=extra, source=index, site_of=index)

    def _after(self, index: int, op: Op) -> None:
        name, add = op.name, self._add
        if name == "RESUME":
            where = op.operand & RESUME_WHERE
            if where:
                add(Role.RESUME, Place.AFTER, index, Kind.RESUME)
            elif index == self.body.start:
                add(Role.CALL, Place.AFTER, index, Kind.CALL)
        elif name in ("STORE_FAST", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"):
            self._store_fast(index, op)
        elif name == "LOAD_FAST_AND_CLEAR":
            stack = self.plan.stacks[index] or ()
            if op.operand in self._real or SAVED + op.operand in stack:
                self._variable(Role.SAVE, Kind.DELETE, Place.AFTER, index, op.operand)
        elif name == "STORE_DEREF":
            self._variable(Role.STORE, Kind.STORE, Place.AFTER, index, op.operand)
        elif name in ("DELETE_FAST", "DELETE_DEREF"):
            self._variable(Role.DELETE, Kind.DELETE, Place.AFTER, index, op.operand)
        elif name in ("STORE_NAME", "STORE_GLOBAL"):
            self._named(Role.STORE, Kind.STORE, Place.OVER, index, op)
        elif name in ("DELETE_NAME", "DELETE_GLOBAL"):
            self._named(Role.DELETE, Kind.DELETE, Place.AFTER, index, op)
        elif name == "STORE_ATTR":
            add(Role.SETATTR, Place.OVER, index, Kind.SETATTR, self._attribute(op))
        elif name == "DELETE_ATTR":
            add(Role.DELATTR, Place.OVER, index, Kind.DELATTR, self._attribute(op))
        elif name in ("STORE_SUBSCR", "STORE_SLICE"):
            add(Role.SETITEM, Place.OVER, index, Kind.SETITEM)
        elif name == "DELETE_SUBSCR":
            add(Role.DELITEM, Place.OVER, index, Kind.DELITEM)
        elif name == "FOR_ITER":
            add(Role.TOUCH, Place.AFTER, index)
        elif name == "PUSH_EXC_INFO":
            add(Role.EXCEPT, Place.AFTER, index, Kind.RAISE)
            if self.ops[index + 1].name == "POP_TOP":
                add(Role.HANDLE, Place.AFTER, index, Kind.HANDLE)
            if index in self.lines.at:
                add(Role.LINE, Place.AFTER, index, Kind.LINE)
        elif name in ("IMPORT_NAME", "IMPORT_STAR", "SETUP_ANNOTATIONS") or (
            name == "CALL_INTRINSIC_1" and op.operand == _IMPORT_STAR
        ):
            add(Role.IMPORTED, Place.AFTER, index)
        elif self._matches(index):
            add(Role.HANDLE, Place.AFTER, index, Kind.HANDLE)

    # Variables

    def _store_fast(self, index: int, op: Op) -> None:
        slots = [op.operand]
        if op.name != "STORE_FAST":
            slots = [op.operand >> 4, op.operand & 15]
        stack = self.plan.stacks[index]
        assert stack is not None
        for part, slot in enumerate(slots):
            if part and op.name == "STORE_FAST_LOAD_FAST":
                break
            if stack[-1 - part] < SAVED:
                role, kind = Role.STORE, Kind.STORE
            elif slot in self._real or stack.count(SAVED + slot) > 1:
                role, kind = Role.RESTORE, Kind.STORE
            elif self.plan.variables[slot].startswith("."):
                continue  # the iterator, which an inlined comprehension keeps on the stack
            else:
                role, kind = Role.DROP, Kind.DELETE
            self._variable(role, kind, Place.AFTER, index, slot, part)

    def _variable(
        self, role: Role, kind: Kind, place: Place, index: int, slot: int, part: int = 0
    ) -> None:
        name = self.plan.variables[slot]
        self._add(role, place, index, kind, name, slot, part=part)

    def _named(self, role: Role, kind: Kind, place: Place, index: int, op: Op) -> None:
        name = self.code.co_names[op.operand]
        # No slot: it lives in a namespace, and `extra` tells the module's from a class body's own.
        extra = "global" if op.name.endswith("_GLOBAL") else None
        self._add(role, place, index, kind, name, extra=extra)

    def _real_variables(self) -> set[int]:
        """Slots that hold a variable outside of inlined comprehensions too."""
        stars = bool(self.code.co_flags & 0x4) + bool(self.code.co_flags & 0x8)
        real = set(range(self.code.co_argcount + self.code.co_kwonlyargcount + stars))
        for op, stack in zip(self.ops, self.plan.stacks, strict=True):
            if stack is None:
                continue
            if op.name in ("STORE_FAST", "STORE_DEREF"):
                slots = [op.operand]
            elif op.name == "STORE_FAST_LOAD_FAST":
                slots = [op.operand >> 4]
            elif op.name == "STORE_FAST_STORE_FAST":
                slots = [op.operand >> 4, op.operand & 15]
            else:
                continue
            for slot in slots:
                if SAVED + slot not in stack:
                    real.add(slot)
        return real

    # Names, handlers

    def _attribute(self, op: Op) -> str:
        shift = {"LOAD_ATTR": 1, "LOAD_SUPER_ATTR": 2}.get(op.name, 0) if PY312 else 0
        return self.code.co_names[op.operand >> shift]

    @staticmethod
    def _wraps(op: Op) -> bool:
        return op.name == "ASYNC_GEN_WRAP" or (
            op.name == "CALL_INTRINSIC_1" and op.operand == _ASYNC_GEN_WRAP
        )

    def _matches(self, index: int) -> bool:
        """Whether going on behind the jump at `index` means that an except clause has matched."""
        if self.ops[index].target is None:
            return False
        above = [op.name for op in self.ops[max(0, index - 2) : index]]
        return above[-1:] == ["CHECK_EXC_MATCH"] or above == ["CHECK_EG_MATCH", "COPY"]

    def _with_handlers(self) -> set[int]:
        """Where an exception has been caught that a jump led to."""
        found: set[int] = set()
        for index, op in enumerate(self.ops):
            if self.plan.stacks[index] is None:
                continue
            if op.name == "CHECK_EXC_MATCH":
                # A bare `except:` behind others: nothing else begins with taking the exception away.
                target = self.ops[index + 1].target
                if target is not None and self.ops[target].name == "POP_TOP":
                    found.add(target)
            elif op.name == "WITH_EXCEPT_START":
                for later in self.ops[index:]:
                    if later.target is not None and later.name.endswith("IF_TRUE"):
                        found.add(later.target)
                        break
        return found
