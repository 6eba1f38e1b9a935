"""The arguments of a call, from the BIND rows before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from escope.engine.replay.scalars import Raw
from escope.engine.replay.value import Value, View
from escope.storage.rows import TAG_MASK, Detail, Shape, Tag

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording
    from escope.storage.store import Block


def binds(block: Block, call_row: int) -> Iterator[tuple[int, Raw]]:
    """Slot and value of each BIND row of the call at `call_row`, in order."""
    row = call_row - 1
    while row >= 0 and not block.is_event[row]:
        row -= 1
    group = block.rows[row + 1 : call_row]
    for head, aux, value in group[group["head"] >> 8 == Detail.BIND].tolist():
        yield aux, (head & TAG_MASK, value)


def bound_arguments(
    recording: Recording, block: Block, call_row: int, view: View
) -> dict[str, Value]:
    """The arguments by name, in the order of the parameters."""
    number = recording.code_at(block, call_row)
    if not number:
        return {}
    code = recording.code(number)
    bound = dict(binds(block, call_row))
    found: dict[str, Value] = {}
    for slot in code.parameters:
        raw = bound.get(slot)
        if raw is None or slot >= len(code.variables):
            continue
        if slot in code.cells and raw[0] == Tag.OBJECT:
            content = view.content(raw[1])
            if content is not None and content.shape is Shape.CELL:
                if not content.items:
                    continue
                raw = content.items[-1]
        if raw[0] != Tag.NOTHING:
            found[code.variables[slot]] = Value(view, raw)
    return found
