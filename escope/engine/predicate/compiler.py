"""From a checked syntax tree to nested functions: each node becomes one that takes the evaluation."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from escope.engine.predicate.evaluation import Evaluation, Node, present
from escope.engine.predicate.functions import FUNCTIONS, METHODS, TYPES, call_method, show
from escope.engine.predicate.lookup import attribute, subscript
from escope.engine.predicate.loops import Loop, nest
from escope.engine.predicate.operations import (
    arithmetic,
    contains,
    equal,
    identical,
    order,
    truth,
    unary,
)
from escope.engine.predicate.values import (
    ABSENT,
    Box,
    Stream,
    TypeRef,
    Unanswerable,
    Work,
    dict_of,
    is_scalar,
    set_of,
    unwrap,
)
from escope.errors import PredicateError

_BINARY = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^",
}  # fmt: skip
_UNARY = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}
_ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_MOST_NODES = 2_000
_DEEPEST = 60


class ExpressionError(PredicateError):
    """A PredicateError that knows where: `column` counts characters from 0."""

    def __init__(self, message: str, text: str, column: int) -> None:
        self.text = text
        self.column = column
        shown = text if len(text) <= 60 else text[:59] + "…"
        where = f" at column {column + 1}" if text else ""
        super().__init__(f"{message}{where}: {shown!r}" if text else message)


class Compiler:
    """Compiles one expression; raises ExpressionError for what the language does not have."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self._bound: list[set[str]] = []
        self._nodes = 0
        self._depth = 0

    def compile(self, node: ast.expr) -> Node:
        """The function of a node."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            self._refuse(node, "the expression is too long")
        if self._depth > _DEEPEST:
            self._refuse(node, "the expression is nested too deeply")
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            self._refuse(node, f"{_describe(node)} cannot be used in a predicate")
        self._depth += 1
        try:
            compiled: Node = method(node)
        finally:
            self._depth -= 1
        return compiled

    def required(self, node: ast.expr) -> set[str]:
        """Names that are looked up whatever else holds."""
        if isinstance(node, ast.Name):
            known = node.id in FUNCTIONS or node.id in TYPES
            return set() if known else {node.id}
        if isinstance(node, ast.BoolOp):
            return self.required(node.values[0])
        if isinstance(node, ast.IfExp):
            return self.required(node.test)
        if isinstance(node, ast.Compare):
            return self.required(node.left) | self.required(node.comparators[0])
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
            return self.required(node.generators[0].iter)
        found: set[str] = set()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.keyword):
                found |= self.required(child.value)
            elif isinstance(child, ast.expr):
                found |= self.required(child)
        return found

    def _refuse(self, node: ast.AST, message: str) -> NoReturn:
        column = getattr(node, "col_offset", 0)
        line = getattr(node, "lineno", 1)
        lines = self.text.encode().splitlines(keepends=True)
        before = b"".join(lines[: line - 1]) + (lines[line - 1][:column] if lines else b"")
        raise ExpressionError(message, self.text, len(before.decode(errors="replace")))

    # Leaves

    def _constant(self, node: ast.Constant) -> Node:
        value = node.value
        return lambda run: value

    def _name(self, node: ast.Name) -> Node:
        name = node.id
        if any(name in names for names in self._bound):

            def bound(run: Evaluation) -> Any:
                run.work.spend()
                value = run.bound.get(name, ABSENT)
                return present(value, name)

            return bound
        self.names.add(name)

        def look_up(run: Evaluation) -> Any:
            run.work.spend()
            value = run.scope.lookup(name)
            if value is ABSENT and name in TYPES:
                return TypeRef(name)
            return present(value, name)

        return look_up

    def _joinedstr(self, node: ast.JoinedStr) -> Node:
        parts = [self.compile(part) for part in node.values]

        def join(run: Evaluation) -> str:
            text = "".join(part(run) for part in parts)
            run.work.spend(1 + len(text) // 64)
            return text

        return join

    def _formattedvalue(self, node: ast.FormattedValue) -> Node:
        value = self.compile(node.value)
        spec = self.compile(node.format_spec) if node.format_spec else None
        conversion = chr(node.conversion) if node.conversion > 0 else ""

        def form(run: Evaluation) -> str:
            shown = unwrap(value(run))
            wanted = spec(run) if spec else ""
            if conversion in ("r", "a"):
                shown = show(shown, run.work)
                if conversion == "a":
                    shown = ascii(shown)[1:-1] if not shown.isascii() else shown
            elif conversion == "s" or not is_scalar(shown):
                shown = shown if isinstance(shown, str) else show(shown, run.work)
            digits = "".join(char if char.isdigit() else " " for char in wanted).split()
            if any(len(number) > 3 for number in digits):
                raise Unanswerable("the format is too wide")
            try:
                return format(shown, wanted)
            except (ValueError, TypeError, OverflowError) as error:
                raise Unanswerable(str(error)) from None

        return form

    # Literals of containers

    def _list(self, node: ast.List) -> Node:
        return self._sequence("list", node.elts)

    def _tuple(self, node: ast.Tuple) -> Node:
        return self._sequence("tuple", node.elts)

    def _sequence(self, kind: str, nodes: list[ast.expr]) -> Node:
        parts = [self.compile(part) for part in nodes]

        def build(run: Evaluation) -> Box:
            box = Box(kind)
            box.sequence = [part(run) for part in parts]
            return box

        return build

    def _set(self, node: ast.Set) -> Node:
        parts = [self.compile(part) for part in node.elts]
        return lambda run: set_of((part(run) for part in parts), run.work)

    def _dict(self, node: ast.Dict) -> Node:
        if any(key is None for key in node.keys):
            self._refuse(node, "** cannot be used in a predicate")
        keys = [self.compile(key) for key in node.keys if key is not None]
        values = [self.compile(value) for value in node.values]
        pairs = list(zip(keys, values, strict=True))
        return lambda run: dict_of(((key(run), value(run)) for key, value in pairs), run.work)

    # Operators

    def _boolop(self, node: ast.BoolOp) -> Node:
        parts = [self.compile(part) for part in node.values]
        stop_at = isinstance(node.op, ast.Or)

        def decide(run: Evaluation) -> Any:
            value: Any = None
            for part in parts:
                value = part(run)
                if truth(value) is stop_at:
                    return value
            return value

        return decide

    def _unaryop(self, node: ast.UnaryOp) -> Node:
        operand = self.compile(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda run: not truth(operand(run))
        symbol = _UNARY[type(node.op)]
        if isinstance(node.operand, ast.Constant) and type(node.operand.value) in (int, float):
            value = unary(symbol, node.operand.value)
            return lambda run: value
        return lambda run: unary(symbol, operand(run))

    def _binop(self, node: ast.BinOp) -> Node:
        symbol = _BINARY.get(type(node.op))
        if symbol is None:
            self._refuse(node, "this operator cannot be used in a predicate")
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda run: arithmetic(symbol, left(run), right(run), run.work)

    def _compare(self, node: ast.Compare) -> Node:
        first = self.compile(node.left)
        if len(node.ops) == 1:
            comparison, operand = _comparison(node.ops[0]), self.compile(node.comparators[0])
            return lambda run: comparison(first(run), operand(run), run.work)
        rest = [
            (_comparison(operator), self.compile(operand))
            for operator, operand in zip(node.ops, node.comparators, strict=True)
        ]

        def compare(run: Evaluation) -> bool:
            left = first(run)
            for comparison, operand in rest:
                right = operand(run)
                if not comparison(left, right, run.work):
                    return False
                left = right
            return True

        return compare

    def _ifexp(self, node: ast.IfExp) -> Node:
        test, body, other = (self.compile(part) for part in (node.test, node.body, node.orelse))
        return lambda run: body(run) if truth(test(run)) else other(run)

    # Looking into values

    def _attribute(self, node: ast.Attribute) -> Node:
        owner = self.compile(node.value)
        name = node.attr

        def read(run: Evaluation) -> Any:
            run.work.spend()
            return present(attribute(owner(run), name), name)

        return read

    def _subscript(self, node: ast.Subscript) -> Node:
        container = self.compile(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = [
                self.compile(part) if part is not None else None
                for part in (node.slice.lower, node.slice.upper, node.slice.step)
            ]

            def cut(run: Evaluation) -> Any:
                value = container(run)
                parts = [bound(run) if bound is not None else None for bound in bounds]
                return subscript(value, slice(*parts), run.work)

            return cut
        key = self.compile(node.slice)
        return lambda run: subscript(container(run), key(run), run.work)

    def _call(self, node: ast.Call) -> Node:
        called = node.func
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                self._refuse(argument, "* cannot be used in a predicate")
        if any(keyword.arg is None for keyword in node.keywords):
            self._refuse(node, "** cannot be used in a predicate")
        if isinstance(called, ast.Attribute) and called.attr in METHODS:
            if node.keywords:
                self._refuse(node, "methods take no keyword arguments in a predicate")
            receiver, method = self.compile(called.value), called.attr
            arguments = [self.compile(argument) for argument in node.args]
            return lambda run: call_method(
                receiver(run), method, run.work, [argument(run) for argument in arguments]
            )
        if not isinstance(called, ast.Name) or called.id not in FUNCTIONS:
            self._refuse(called, f"only {', '.join(FUNCTIONS)} can be called in a predicate")
        name, function = called.id, FUNCTIONS[called.id]
        self.names.add(name)
        arguments = [self.compile(argument) for argument in node.args]
        keywords = {keyword.arg or "": self.compile(keyword.value) for keyword in node.keywords}
        if any(name in names for names in self._bound):
            self._refuse(called, f"{name!r} is not the function here")

        def call(run: Evaluation) -> Any:
            run.work.spend()
            if run.scope.lookup(name) is not ABSENT:
                raise Unanswerable(f"{name!r} is a variable of the program here")
            return function(
                run.work,
                [argument(run) for argument in arguments],
                {key: value(run) for key, value in keywords.items()},
            )

        return call

    # Comprehensions

    def _listcomp(self, node: ast.ListComp) -> Node:
        produce = self._comprehension(node.generators, [node.elt])

        def build(run: Evaluation) -> Box:
            box = Box("list")
            box.sequence = [item for (item,) in produce(run)]
            return box

        return build

    def _setcomp(self, node: ast.SetComp) -> Node:
        produce = self._comprehension(node.generators, [node.elt])
        return lambda run: set_of((item for (item,) in produce(run)), run.work)

    def _dictcomp(self, node: ast.DictComp) -> Node:
        produce = self._comprehension(node.generators, [node.key, node.value])
        return lambda run: dict_of(((key, value) for key, value in produce(run)), run.work)

    def _generatorexp(self, node: ast.GeneratorExp) -> Node:
        produce = self._comprehension(node.generators, [node.elt])
        return lambda run: Stream(item for (item,) in produce(run))

    def _comprehension(
        self, generators: list[ast.comprehension], results: list[ast.expr]
    ) -> Callable[[Evaluation], Iterator[list[Any]]]:
        loops: list[Loop] = []
        for generator in generators:
            if generator.is_async:
                self._refuse(generator.iter, "async cannot be used in a predicate")
            source = self.compile(generator.iter)
            target = self._target(generator.target)
            self._bound.append({target} if isinstance(target, str) else set(target))
            loops.append(Loop(source, target, [self.compile(test) for test in generator.ifs]))
        values = [self.compile(result) for result in results]
        del self._bound[-len(loops) :]
        return nest(loops, values)

    def _target(self, node: ast.expr) -> list[str] | str:
        if isinstance(node, ast.Name):
            return node.id
        parts = node.elts if isinstance(node, (ast.Tuple, ast.List)) else []
        names = [part.id for part in parts if isinstance(part, ast.Name)]
        if not parts or len(names) != len(parts):
            self._refuse(node, "a comprehension's target must be a name or several names")
        return names


def _comparison(operator: ast.cmpop) -> Callable[[Any, Any, Work], bool]:
    symbol = _ORDER.get(type(operator))
    if symbol is not None:
        return lambda left, right, work: order(symbol, left, right, work)
    if isinstance(operator, ast.Eq):
        return equal
    if isinstance(operator, ast.NotEq):
        return lambda left, right, work: not equal(left, right, work)
    if isinstance(operator, ast.Is):
        return lambda left, right, work: identical(left, right)
    if isinstance(operator, ast.IsNot):
        return lambda left, right, work: not identical(left, right)
    if isinstance(operator, ast.In):
        return lambda left, right, work: contains(right, left, work)
    return lambda left, right, work: not contains(right, left, work)


def _describe(node: ast.expr) -> str:
    names = {
        "Lambda": "lambda", "NamedExpr": ":=", "Await": "await", "Yield": "yield",
        "YieldFrom": "yield from", "Starred": "*", "Slice": "a slice here",
    }  # fmt: skip
    return names.get(type(node).__name__, type(node).__name__)
