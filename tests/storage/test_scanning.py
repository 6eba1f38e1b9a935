"""The pass in C over the rows of a block finds exactly what the arrays find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from escope.storage import scanning
from escope.storage.blocks import Block, BlockRecord, cut
from escope.storage.checkpoint import FrameTable
from escope.storage.columns import ROWS, rows_of
from escope.storage.segments import decode_record, encode_record
from escope.storage.sites import Sites
from escope.storage.tracker import Tracker
from tests.storage.model import Program, sites_text
from tests.storage.test_rows_of_any_kind import rubbish

pytestmark = pytest.mark.skipif(
    scanning.cut is None, reason="the pass in C was not built, or ESCOPE_CORE=py leaves it out"
)


def table() -> Sites:
    sites = Sites()
    sites.feed(sites_text().encode())
    return sites


class Both:
    """Two trackers of the same rows, which forget what they know of frames now and then."""

    def __init__(self) -> None:
        self.sites = table()
        self.blocks: list[Block] = []
        self.scanned = 0
        self.by_scan = Tracker(self.sites, self.load)
        self.by_columns = Tracker(self.sites, self.load)

    def load(self, frame: int, before: int) -> FrameTable | None:
        for block in reversed(self.blocks[:before]):
            entry = block.frame_entry(frame)
            if entry is not None:
                return entry.table()
        return None

    def advance(self, rows: Any) -> None:
        number = len(self.blocks)
        found = scanning.scan(rows, self.by_scan.checkpoint, self.sites, number)
        self.scanned += found is not None
        one, other = self.by_scan.advance(rows), self.by_columns._by_columns(rows)
        assert one.record == other.record
        assert one.summary.tobytes() == other.summary.tobytes()
        assert one.entries.tolist() == other.entries.tolist()
        assert one.tables == other.tables
        after = self.by_scan.checkpoint.encode()
        assert after == self.by_columns.checkpoint.encode()
        self.blocks.append(Block(number, one.record, self.sites))
        if number % 3 == 2:
            self.by_scan._frames._alive.clear()
            self.by_columns._frames._alive.clear()


@pytest.mark.parametrize("size", [1, 7, 60, 900])
@pytest.mark.parametrize("seed", range(12))
def test_lawful_rows_are_scanned_as_the_arrays_see_them(seed: int, size: int) -> None:
    rows = rows_of(Program(seed, snapshots=False).run(1200).data())
    both = Both()
    start = 0
    for end in cut(rows, size):
        both.advance(rows[start:end])
        start = end
    assert both.scanned == len(both.blocks) > 0


@pytest.mark.parametrize("seed", range(60))
def test_any_rows_are_scanned_as_the_arrays_see_them_or_left_to_them(seed: int) -> None:
    rows = rows_of(rubbish(seed, 600))
    both = Both()
    start = 0
    for end in cut(rows, 5 + seed):
        both.advance(rows[start:end])
        start = end


@pytest.mark.parametrize("seed", range(20))
def test_blocks_end_where_the_arrays_say(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(rubbish(seed, 500))
    found = [cut(rows, size) for size in (1, 2, 30, 499, 500, 600)]
    monkeypatch.setattr(scanning, "cut", None)
    assert found == [cut(rows, size) for size in (1, 2, 30, 499, 500, 600)]


@pytest.mark.parametrize("heads", [1, 300, 70_000])
def test_columns_are_laid_out_as_the_arrays_do(heads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(heads)
    rows = np.empty(80_000 if heads > 300 else 900, ROWS)
    rows["head"] = chance.integers(0, heads, len(rows))
    rows["aux"] = chance.integers(0, 1 << 32, len(rows))
    rows["value"] = chance.integers(0, 1 << 63, len(rows)) * 2
    record = BlockRecord(b"checkpoint", b"frames", rows.tobytes())
    packed = encode_record(record)
    monkeypatch.setattr(scanning, "arrange", None)
    assert packed == encode_record(record)
    assert decode_record(packed) == record
