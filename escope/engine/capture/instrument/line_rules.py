"""When `sys.settrace` reports a line: what differs between CPython 3.11, 3.12 and 3.13.

3.11 (`maybe_call_line_trace` in ceval.c) compares the lines of the instruction that ran and of the one to
run.  From 3.12 on (`initialize_lines` in instrumentation.c) only some instructions can begin a line at all;
this module marks the same ones.
"""

from __future__ import annotations

from escope.engine.capture.instrument.instructions import PY312, PY313, Body, Op

_NEVER_FIRST = frozenset({"END_ASYNC_FOR", "END_FOR", "END_SEND", "RESUME"})
_NEAR = range(-125, 128)
"""What 3.13 keeps in a byte: how far a line is from where it would be at one line per 16 code units.  Beyond
that, a line that differs from the one above is reported without looking at the line that ran before."""


class LineRules:
    """The rules of the running interpreter, for one code object."""

    def __init__(self, body: Body) -> None:
        self._ops = body.ops
        self._start = body.start
        self._first_line = body.code.co_firstlineno
        self._starts: set[int] = set()
        self._always: set[int] = set()
        if PY312:
            self._mark(body)

    def _mark(self, body: Body) -> None:
        ops = body.ops
        current = None
        for index in range(self._start, len(ops)):
            op = ops[index]
            if op.name in _NEVER_FIRST:
                continue
            line = op.location.line
            if line is not None and line != current:
                self._starts.add(index)
                expected = self._first_line + (op.offset >> 4)
                if PY313 and line - expected not in _NEAR:
                    self._always.add(index)
            current = line
        for op in ops[self._start :]:
            if op.target is not None:
                # A loop's end and that of a delegation are skipped by FOR_ITER and SEND.
                target = op.target + (op.name in ("FOR_ITER", "SEND"))
                self._starts.add(target)
                self._always.discard(target)
        for entry in body.entries:
            if ops[entry.target].name != "END_ASYNC_FOR":
                self._starts.add(entry.target)

    def fires(self, source: int, target: int) -> bool:
        """Whether a line begins at `target` when `source` ran before it."""
        ops = self._ops
        line = ops[target].location.line
        if line is None:
            return False
        if not PY312:
            if source <= self._start or ops[source].location.line != line:
                return True
            return target < source and ops[target].name != "SEND"
        if ops[source].name == "JUMP_BACKWARD" and ops[source].location.line == line:
            return True
        if target not in self._starts:
            return False
        if target in self._always or ops[source].name == "RESUME":
            return True
        return ops[source].location.line != line

    def thrown(self, source: int, target: int) -> bool:
        """Whether a line begins at the handler `target` when `source` raised, or was thrown into."""
        if PY313 and self._ops[source].name == "YIELD_VALUE":
            source += 1
        return self.fires(source, target)


def loop_exit(ops: list[Op], loop: int) -> int:
    """Index of the instruction that runs when the FOR_ITER at `loop` has no more items."""
    target = ops[loop].target
    assert target is not None
    return target + (2 if PY313 else 1 if PY312 else 0)
