"""Control-flow graphs of functions, at the level of lines.

Nodes are numbers with `kind` (entry, exit, block, branch, loop, handler, case, with), `lines`, `first` and
`last`.  Edges have `kinds`, a tuple of next, true, false, loop, break, continue, return, raise, exception,
leave.  A line belongs to one node: that of the statement that starts on it first.  A compound statement's
header is a node; what a `with` does when it is left happens on its header, as in the interpreter.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

from escope.engine.graphs.ast_repository import CodeNode, first_line_of

ENTRY = 0
EXIT = 1

Ends = list[tuple[int, str]]
"""Nodes from which control goes on, each with the kind of the edge."""


def control_flow(node: CodeNode) -> nx.DiGraph:
    """The graph of a module, class body, function, lambda or comprehension."""
    builder = _Builder()
    if isinstance(node, ast.Module):
        builder.build(node.body, ())
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        head = range(first_line_of(node), _head_end(node) + 1)
        builder.build(node.body, tuple(head))
    else:
        builder.build([ast.copy_location(ast.Expr(node), node)], ())
    return builder.graph


def node_of_line(graph: nx.DiGraph, line: int) -> int:
    """The node that a line belongs to; for a line of no statement that of the nearest line before."""
    owner: dict[int, int] = graph.graph["owner"]
    if line in owner:
        return owner[line]
    before = [one for one in owner if one < line]
    return owner[max(before)] if before else ENTRY


@dataclass
class _Loop:
    header: int
    breaks: Ends = field(default_factory=list)


@dataclass
class _Guard:
    """Statements whose exceptions go to handlers, to a `finally` or to a `with`."""

    catches_all: bool
    """Whether return, break and continue pass through it, too."""
    waiting: Ends = field(default_factory=list)
    """What goes there."""
    pending: set[tuple[str, int]] = field(default_factory=set)
    """What goes on from there: kind, and for break and continue the depth of their loop."""


class _Builder:
    def __init__(self) -> None:
        self.graph = nx.DiGraph()
        self._owner: dict[int, int] = {}
        self._contexts: list[_Loop | _Guard] = []
        self._new("entry", ())
        self._new("exit", ())

    def build(self, body: list[ast.stmt], head: tuple[int, ...]) -> None:
        self._own(ENTRY, head)
        self._connect(self._body(body, [(ENTRY, "next")]), EXIT, "return")
        for number, data in self.graph.nodes(data=True):
            lines = sorted(line for line in data["lines"])
            data["lines"] = tuple(lines)
            data["first"] = lines[0] if lines else None
            data["last"] = lines[-1] if lines else None
            assert number is not None
        self.graph.graph.update(entry=ENTRY, exit=EXIT, owner=self._owner)

    # Nodes and edges

    def _new(self, kind: str, lines: Any) -> int:
        number: int = self.graph.number_of_nodes()
        self.graph.add_node(number, kind=kind, lines=set())
        self._own(number, lines)
        for context in reversed(self._contexts):
            if isinstance(context, _Guard):
                context.waiting.append((number, "exception"))
                context.pending.add(("raise", 0))
                break
        return number

    def _own(self, number: int, lines: Any) -> None:
        for line in lines:
            if self._owner.setdefault(line, number) == number:
                self.graph.nodes[number]["lines"].add(line)

    def _edge(self, source: int, target: int, kind: str) -> None:
        if self.graph.has_edge(source, target):
            kinds = self.graph.edges[source, target]["kinds"]
            if kind not in kinds:
                self.graph.edges[source, target]["kinds"] = (*kinds, kind)
        else:
            self.graph.add_edge(source, target, kinds=(kind,))

    def _connect(self, ends: Ends, target: int, rename: str | None = None) -> None:
        for source, kind in ends:
            self._edge(source, target, rename if rename and kind == "next" else kind)

    def _leave(self, kind: str, source: int, edge: str | None = None) -> None:
        """Control leaves what is around `source`: return, raise, break or continue."""
        self._leave_from(len(self._contexts), kind, source, edge or kind)

    def _leave_from(self, depth: int, kind: str, source: int, edge: str) -> None:
        for place in range(depth - 1, -1, -1):
            context = self._contexts[place]
            if isinstance(context, _Loop):
                if kind == "break":
                    context.breaks.append((source, edge))
                    return
                if kind == "continue":
                    self._edge(source, context.header, edge)
                    return
            elif kind == "raise" or context.catches_all:
                context.waiting.append((source, edge))
                context.pending.add((kind, place))
                return
        self._edge(source, EXIT, edge)

    # Statements

    def _body(self, statements: list[ast.stmt], ends: Ends) -> Ends:
        block: int | None = None
        for statement in statements:
            method = getattr(self, "_" + type(statement).__name__.lower(), None)
            if method is not None:
                block = None
                ends = method(statement, ends)
                continue
            lines = _simple_lines(statement)
            if block is None:
                if len(ends) == 1 and lines and self._owner.get(lines[0]) == ends[0][0]:
                    # A body on the line of its header cannot be told from it.
                    self._own(ends[0][0], lines)
                else:
                    block = self._new("block", lines)
                    self._connect(ends, block)
                    ends = [(block, "next")]
            else:
                self._own(block, lines)
            at = ends[0][0] if ends else block
            if isinstance(statement, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
                if at is not None:
                    self._leave(type(statement).__name__.lower(), at)
                block, ends = None, []
        return ends

    def _if(self, statement: ast.If, ends: Ends) -> Ends:
        out: Ends = []
        while True:
            header = self._new("branch", _lines(statement.lineno, statement.test))
            self._connect(ends, header)
            out += self._body(statement.body, [(header, "true")])
            ends = [(header, "false")]
            rest = statement.orelse
            # A chain of elif is a loop here: it may be longer than recursion is deep.
            if len(rest) == 1 and isinstance(rest[0], ast.If):
                statement = rest[0]
                continue
            return out + self._body(rest, ends)

    def _while(self, statement: ast.While, ends: Ends) -> Ends:
        header = self._new("loop", _lines(statement.lineno, statement.test))
        self._connect(ends, header)
        always = isinstance(statement.test, ast.Constant) and bool(statement.test.value)
        return self._loop(statement, header, always)

    def _for(self, statement: ast.For | ast.AsyncFor, ends: Ends) -> Ends:
        header = self._new("loop", _lines(statement.lineno, statement.target, statement.iter))
        self._connect(ends, header)
        return self._loop(statement, header, False)

    _asyncfor = _for

    def _loop(
        self, statement: ast.While | ast.For | ast.AsyncFor, header: int, always: bool
    ) -> Ends:
        loop = _Loop(header)
        self._contexts.append(loop)
        first = self.graph.number_of_nodes()
        ends = self._body(statement.body, [(header, "true")])
        self._connect([(end, "loop" if kind == "next" else kind) for end, kind in ends], header)
        if always and first in self.graph:
            # The interpreter does not come back to a header that tests nothing.
            backs = [s for s in self.graph.predecessors(header) if s >= first]
            for source in backs:
                self._edge(source, first, "loop")
        self._contexts.pop()
        after: Ends = [] if always else [(header, "false")]
        return self._body(statement.orelse, after) + loop.breaks

    def _with(self, statement: ast.With | ast.AsyncWith, ends: Ends) -> Ends:
        parts = [
            part for item in statement.items for part in (item.context_expr, item.optional_vars)
        ]
        header = self._new("with", _lines(statement.lineno, *parts))
        self._connect(ends, header)
        guard = _Guard(catches_all=True)
        self._contexts.append(guard)
        ends = self._body(statement.body, [(header, "next")])
        self._contexts.pop()
        self._connect(ends, header, "leave")
        self._connect(guard.waiting, header)
        self._go_on(guard, [(header, "next")])
        # Also where the body never ends by itself: a manager may swallow an exception.
        return [(header, "next")]

    _asyncwith = _with

    def _try(self, statement: ast.Try | ast.TryStar, ends: Ends) -> Ends:
        start = self._new("block", (statement.lineno,))
        self._connect(ends, start)
        last = _Guard(catches_all=True) if statement.finalbody else None
        if last is not None:
            self._contexts.append(last)
        guard = _Guard(catches_all=False)
        if statement.handlers:
            self._contexts.append(guard)
        ends = self._body(statement.body, [(start, "next")])
        if statement.handlers:
            self._contexts.pop()
        ends = self._body(statement.orelse, ends)
        grouped = isinstance(statement, ast.TryStar)
        missed: Ends = guard.waiting
        for handler in statement.handlers:
            header = self._new("handler", _lines(handler.lineno, handler.type))
            self._connect(missed, header)
            done = self._body(handler.body, [(header, "true")])
            missed = [(header, "false")]
            if grouped:
                # Every handler has its turn with what the ones before left.
                missed += done
                if handler is statement.handlers[-1]:
                    ends = ends + done
            else:
                ends = ends + done
            if handler.type is None:
                missed = []
        for source, kind in missed if statement.handlers else []:
            if kind == "false":
                self._leave("raise", source, "exception")
                if grouped:
                    ends = [*ends, (source, "false")]
        if last is None:
            return ends
        self._contexts.pop()
        normal = bool(ends)
        ends = self._body(statement.finalbody, ends + last.waiting)
        self._go_on(last, ends)
        return ends if normal else []

    _trystar = _try

    def _go_on(self, guard: _Guard, ends: Ends) -> None:
        """What had to pass through a `finally` or `with` goes on where it wanted to."""
        for kind, _ in sorted(guard.pending):
            for source, _ in ends:
                self._leave(kind, source, "exception" if kind == "raise" else kind)

    def _match(self, statement: ast.Match, ends: Ends) -> Ends:
        subject = self._new("branch", _lines(statement.lineno, statement.subject))
        self._connect(ends, subject)
        out: Ends = []
        missed: Ends = [(subject, "next")]
        for case in statement.cases:
            header = self._new("case", _lines(case.pattern.lineno, case.pattern, case.guard))
            self._connect(missed, header)
            out += self._body(case.body, [(header, "true")])
            missed = [(header, "false")]
            pattern = case.pattern
            if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and not case.guard:
                missed = []
        return out + missed


def _lines(first: int, *parts: ast.AST | None) -> range:
    """The lines of a header, from the first to where its last part ends."""
    ends = [getattr(part, "end_lineno", None) or first for part in parts if part is not None]
    return range(first, max([first, *ends]) + 1)


def _simple_lines(statement: ast.stmt) -> range:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        # Its body is code of its own.
        return range(first_line_of(statement), _head_end(statement) + 1)
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _head_end(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """The last line before the body, or the header's own where the body is on it."""
    return max(node.lineno, node.body[0].lineno - 1)
