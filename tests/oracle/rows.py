"""The rows of a recording, without what differs from run to run: times, and when objects were let go of."""

from __future__ import annotations

from pathlib import Path

from escope.storage.rows import Detail
from escope.storage.store import open_store

Row = tuple[int, int, int, int]
"""(site, tag, aux, value)."""

_LEFT_OUT = (Detail.PAD, Detail.TIME, Detail.DEATH)


def rows_of(recording: Path) -> list[Row]:
    """All rows of `recording` in order."""
    store = open_store(recording)
    try:
        found: list[Row] = []
        for number in range(store.blocks):
            for head, aux, value in store.block(number).rows.tolist():
                if head >> 8 not in _LEFT_OUT:
                    found.append((head >> 8, head & 0xFF, aux, value))
        return found
    finally:
        store.close()


def first_difference(one: list[Row], other: list[Row]) -> str:
    """Where two recordings part, with what stands around it; empty if they are equal."""
    if one == other:
        return ""
    at = next(
        (n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None
    )
    if at is None:
        at = min(len(one), len(other))
    near = slice(max(0, at - 3), at + 4)
    return f"row {at} of {len(one)} and {len(other)}:\n{one[near]}\n{other[near]}"
