"""The kinds of checks by name: each has `units()` and `check(unit, core, seed)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.long import cpython, generated, programs, suites
from tests.long.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: what it is in a few words, its units, and the check of one of them."""

    title: str
    units: Callable[[], list[str]]
    check: Callable[[str, str, int], Outcome]


KINDS = {
    "cpython": Kind("CPython's own tests", cpython.units, cpython.check),
    "suites": Kind("Test suites of packages", suites.units, suites.check),
    "generated": Kind("Generated programs", generated.units, generated.check),
    "programs": Kind("The oracle's programs", programs.units, programs.check),
}
