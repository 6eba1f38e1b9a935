"""Breakpoints: a place in the source, a predicate, or both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from escope.engine.predicate.predicate import Predicate, compile_predicate
from escope.errors import PredicateError

_PLACE = re.compile(r"(?P<file>.+):(?P<line>[0-9]{1,9})(?:\s+if\s+(?P<condition>.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Where to stop.

    With a place: at each moment before the line runs (and `predicate`, if any, is true).  Without: when
    `predicate` becomes true in its frame.
    """

    number: int
    text: str
    file: str | None = None
    line: int | None = None
    predicate: Predicate | None = None
    once: bool = False


def parse_breakpoint(text: str, number: int = 0, once: bool = False) -> Breakpoint:
    """The breakpoint that `text` says: ``EXPR``, ``FILE:LINE`` or ``FILE:LINE if EXPR``.

    Raises PredicateError for other text.
    """
    try:
        return Breakpoint(number, text, predicate=compile_predicate(text), once=once)
    except PredicateError:
        # `file.py:12` is no expression, so there is only one way to read a text.
        place = _PLACE.fullmatch(text.strip())
        if place is None:
            raise
    condition = place["condition"]
    predicate = compile_predicate(condition) if condition else None
    return Breakpoint(number, text, place["file"], int(place["line"]), predicate, once)


def parse_breakpoints(wanted: Iterable[Mapping[str, Any]]) -> list[Breakpoint]:
    """The breakpoints of the control page: mappings with `number`, `text` and perhaps `once`.

    Raises PredicateError for the first that is not one.
    """
    return [
        parse_breakpoint(str(each["text"]), int(each["number"]), bool(each.get("once", False)))
        for each in wanted
    ]
