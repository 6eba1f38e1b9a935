"""An expression, checked once and evaluated often."""

from __future__ import annotations

import ast
import warnings
from typing import Any

from escope.engine.predicate.compiler import Compiler, ExpressionError
from escope.engine.predicate.evaluation import Evaluation
from escope.engine.predicate.operations import truth
from escope.engine.predicate.values import Scope, Unanswerable, Work

LONGEST_TEXT = 10_000


class Predicate:
    """A Python expression on the names that a frame can see."""

    __slots__ = ("_root", "names", "required", "text")

    def __init__(self, text: str, compiler: Compiler, tree: ast.expr) -> None:
        self.text = text
        self._root = compiler.compile(tree)
        self.names: frozenset[str] = frozenset(compiler.names)
        """The names that it may look up, without those of the functions it calls."""
        self.required: frozenset[str] = frozenset(compiler.required(tree))
        """The names without which it is false, whatever else holds."""

    def holds(self, scope: Scope) -> bool:
        """Whether it is true; false where it has no value.  Never raises for what the program did."""
        try:
            value = self._root(Evaluation(scope, Work()))
            return value if value is True or value is False else truth(value)
        except (Unanswerable, RecursionError):
            return False

    def value(self, scope: Scope) -> Any:
        """Its value, as `values` describes.  Raises Unanswerable where it has none."""
        try:
            return self._root(Evaluation(scope, Work()))
        except RecursionError:
            raise Unanswerable("it is nested too deeply") from None

    def __repr__(self) -> str:
        return f"Predicate({self.text!r})"


def compile_predicate(text: str) -> Predicate:
    """The predicate that `text` says.

    Raises PredicateError, which names the column, for what does not parse or is not in the language.
    """
    text = text.strip()
    if not text:
        raise ExpressionError("the expression is empty", text, 0)
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"the expression is longer than {LONGEST_TEXT} characters", "", 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, "<expression>", "eval")
    except SyntaxError as error:
        raise ExpressionError(error.msg, text, (error.offset or 1) - 1) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise ExpressionError(str(error) or "it is nested too deeply", text, 0) from None
    compiler = Compiler(text)
    try:
        return Predicate(text, compiler, tree.body)
    except RecursionError:
        raise ExpressionError("it is nested too deeply", text, 0) from None
