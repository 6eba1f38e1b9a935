"""A block is laid out for compression as the format says, number by number, and comes back as it was."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escope.storage import scanning
from escope.storage.blocks import BlockRecord
from escope.storage.segments import decode_record, decompress, encode_record

Row = tuple[int, int, int]

HEADS = st.one_of(st.sampled_from([0, 1, 0x8001, 0x8003, 0xFFFFFFFF]), st.integers(0, 0xFFFFFFFF))
AUX = st.one_of(st.integers(0, 3), st.integers(0, 0xFFFFFFFF))
VALUES = st.one_of(st.integers(0, 3), st.integers(0, (1 << 64) - 1))
ROWS = st.lists(st.tuples(HEADS, AUX, VALUES), max_size=80)


def parted(numbers: list[int], width: int) -> bytes:
    return b"".join(
        bytes(number >> 8 * place & 0xFF for number in numbers) for place in range(width)
    )


def steps(numbers: list[int], width: int) -> list[int]:
    before = [0, *numbers][: len(numbers)]
    return [(n - b) % (1 << 8 * width) for n, b in zip(numbers, before, strict=True)]


def laid_out(checkpoint: bytes, frames: bytes, rows: list[Row]) -> bytes:
    """The record before compression, by the words of docs/format.md."""
    heads = sorted({head for head, _, _ in rows})
    places = {head: place for place, head in enumerate(heads)}
    by_head = sorted(rows, key=lambda row: row[0])
    return b"".join(
        (
            struct.pack("<IIII", len(checkpoint), len(frames), len(rows), len(heads)),
            checkpoint,
            frames,
            b"".join(struct.pack("<I", head) for head in heads),
            parted([places[head] for head, _, _ in rows], 2 if len(heads) < 1 << 16 else 4),
            parted(steps([aux for _, aux, _ in by_head], 4), 4),
            parted(steps([value for _, _, value in by_head], 8), 8),
        )
    )


def check(rows: list[Row], checkpoint: bytes, frames: bytes, in_c: bool) -> None:
    if in_c and scanning.arrange is None:
        pytest.skip("the C part was not built, or ESCOPE_CORE=py leaves it out")
    record = BlockRecord(checkpoint, frames, b"".join(struct.pack("<IIQ", *row) for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        if not in_c:
            patch.setattr(scanning, "arrange", None)
        packed = encode_record(record)
    assert decompress(packed) == laid_out(checkpoint, frames, rows)
    assert decode_record(packed) == record


@pytest.mark.parametrize("in_c", [True, False])
@given(ROWS, st.binary(max_size=20), st.binary(max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_block_is_laid_out_as_the_format_says(
    in_c: bool, rows: list[Row], checkpoint: bytes, frames: bytes
) -> None:
    check(rows, checkpoint, frames, in_c)


@pytest.mark.parametrize("in_c", [True, False])
@pytest.mark.parametrize("distinct", [511, 513, 9_000, 0xFFFF, 0x10000])
def test_blocks_of_many_heads_are_laid_out_as_the_format_says(distinct: int, in_c: bool) -> None:
    order = [place * 40_503 % distinct for place in range(distinct)]
    rows = [(head << 8 | 1, head * head, head << 40) for head in [*order, *order[:77]]]
    rows = [(head & 0xFFFFFFFF, aux & 0xFFFFFFFF, value) for head, aux, value in rows]
    check(rows, b"", b"", in_c)
    # What was kept of a large block must not show in a small one.
    check(rows[:3], b"c", b"", in_c)
