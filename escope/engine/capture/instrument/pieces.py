"""The instructions of new code, before they are assembled."""

from __future__ import annotations

from dataclasses import dataclass

from escope.engine.capture.sites import Location


class Label:
    """A place that jumps and handlers lead to."""

    __slots__ = ("index",)

    def __init__(self) -> None:
        self.index = -1
        """Of the piece that follows it."""


@dataclass(slots=True, eq=False)
class Guard:
    """A handler; adjacent pieces with the same one share an entry of the exception table."""

    label: Label
    depth: int
    lasti: bool


@dataclass(slots=True)
class Piece:
    """One instruction of the new code."""

    name: str
    arg: int | None
    location: Location
    guard: Guard | None
    origin: int = -1
    """Index of the original instruction, -1 for one that was inserted."""
    part: int = 0
    """1: the second half of an original instruction that was split."""
    label: Label | None = None
    extended: int = 0
    kept: int = 0
    """Operands that lie on the stack below its own, for the probe after it."""
