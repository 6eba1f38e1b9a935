"""One checked evaluator of expressions on a program's state, used live and on recordings.

Standard library only: the recorded program imports this package.
"""

from __future__ import annotations

from escope.engine.predicate.breakpoint import Breakpoint, parse_breakpoint, parse_breakpoints
from escope.engine.predicate.predicate import Predicate, compile_predicate
from escope.engine.predicate.values import ABSENT, Handle, Scope, Unanswerable

__all__ = [
    "ABSENT",
    "Breakpoint",
    "Handle",
    "Predicate",
    "Scope",
    "Unanswerable",
    "compile_predicate",
    "parse_breakpoint",
    "parse_breakpoints",
]
