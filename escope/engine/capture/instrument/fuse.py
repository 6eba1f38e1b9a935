"""Makes one probe of neighbours that nothing leads between: `~P ~Q` becomes `~(P, Q)`.

A store and the line after it, a call and its first line: most lines.  What fires is the same, in the same order,
at half the cost.  What was kept for the first probe is taken off the stack behind both; by then the probe itself
has let go of it.
"""

from __future__ import annotations

from escope.engine.capture.instrument.pieces import Label, Piece
from escope.engine.capture.instrument.plan import Insert

Constants = list[tuple[Insert, ...] | None]

_FIRE = ("LOAD_CONST", "UNARY_INVERT", "POP_TOP")
_MOST = 4
"""Probes that become one."""


def fuse(pieces: list[Piece], constants: Constants, plain: int) -> tuple[list[Piece], Constants]:
    """Return what is left of `pieces` and `constants`, whose first stands behind `plain` others of the code.

    The labels, which are shared, lead to the same instructions as before.
    """
    labels = _labels(pieces)
    reached = {label.index for label in labels}
    groups: list[list[Insert]] = [list(one or ()) for one in constants]
    kept: list[Piece] = []
    places: list[int] = []
    open_group, guard = -1, None
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        number = _fires(pieces, index, plain)
        if number >= 0 and not groups[number]:
            number = -1
        if index in reached or piece.guard is not guard:
            open_group = -1
        if number < 0:
            if piece.name != "POP_TOP" or piece.origin >= 0:
                open_group = -1
        elif open_group >= 0 and len(groups[open_group]) < _MOST:
            groups[open_group] += groups[number]
            groups[number] = []
            places += [len(kept)] * len(_FIRE)
            index += len(_FIRE)
            continue
        else:
            open_group, guard = number, piece.guard
        width = 1 if number < 0 else len(_FIRE)
        places += range(len(kept), len(kept) + width)
        kept += pieces[index : index + width]
        index += width
    places.append(len(kept))
    for label in labels:
        label.index = places[label.index]
    return kept, _renumbered(kept, constants, groups, plain)


def _labels(pieces: list[Piece]) -> list[Label]:
    found: dict[int, Label] = {}
    for piece in pieces:
        for label in (piece.label, None if piece.guard is None else piece.guard.label):
            if label is not None:
                found[id(label)] = label
    return list(found.values())


def _fires(pieces: list[Piece], index: int, plain: int) -> int:
    """The constant of the probe that fires at `index`, counted from the first behind `plain`; -1 if none does."""
    steps = pieces[index : index + len(_FIRE)]
    if tuple(step.name for step in steps) != _FIRE or any(step.origin >= 0 for step in steps):
        return -1
    return (steps[0].arg or 0) - plain


def _renumbered(
    pieces: list[Piece], constants: Constants, groups: list[list[Insert]], plain: int
) -> Constants:
    """The constants that are left; the instructions that load them are told their new places."""
    left: Constants = []
    numbers: dict[int, int] = {}
    for number, group in enumerate(groups):
        if group or constants[number] is None:
            numbers[plain + number] = plain + len(left)
            left.append(tuple(group) or None)
    for piece in pieces:
        if piece.name == "LOAD_CONST" and piece.origin < 0 and piece.arg is not None:
            piece.arg = numbers.get(piece.arg, piece.arg)
    return left
