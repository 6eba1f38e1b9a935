"""What one evaluation of an expression carries, and the functions that its nodes became."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from escope.engine.predicate.values import ABSENT, Scope, Unanswerable, Work


class Evaluation:
    """What one evaluation carries: the scope, the names that comprehensions bound, the work left."""

    __slots__ = ("bound", "scope", "work")

    def __init__(self, scope: Scope, work: Work, bound: dict[str, Any] | None = None) -> None:
        self.scope = scope
        self.work = work
        self.bound: dict[str, Any] = bound or {}


Node = Callable[[Evaluation], Any]
"""What a node of the syntax tree became: it takes the evaluation and gives the value."""


def present(value: Any, name: str) -> Any:
    """`value`; raises Unanswerable where it is ABSENT."""
    if value is ABSENT:
        raise Unanswerable(f"there is no {name!r}")
    return value
