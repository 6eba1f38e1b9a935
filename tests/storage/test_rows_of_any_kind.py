"""Rows that no capture would write: columns and spans stay consistent, and the walk agrees."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escope.storage import spans as spans_module
from escope.storage.blocks import Block, BlockRecord, cut
from escope.storage.checkpoint import Checkpoint, decode_frames, encode_frames
from escope.storage.columns import ROWS, Columns, event_ends, rows_of
from escope.storage.index import ENTRY, ArrayRun, Family, entries, key_of, lookup, merged_parts
from escope.storage.rows import ROW
from escope.storage.segments import decode_record, encode_record
from escope.storage.sites import Sites
from escope.storage.tracker import Tracker
from tests.storage.model import Program, sites_text


def table() -> Sites:
    sites = Sites()
    sites.feed(sites_text().encode())
    return sites


def rubbish(seed: int, count: int) -> bytes:
    """Random rows with few frames, threads and objects, so that they meet each other."""
    chance = random.Random(seed)
    sites = [*range(32), *range(128, 150), *range(256, 256 + 64)]
    rows = []
    for _ in range(count):
        site = chance.choice(sites)
        small = chance.random() < 0.95
        aux = chance.randrange(5) if small else chance.randrange(1 << 32)
        value = chance.randrange(5) if small else chance.randrange(1 << 64)
        rows.append(ROW.pack(site << 8 | chance.randrange(256), aux, value))
    rows.append(ROW.pack(256 << 8, 0, 0))
    return b"".join(rows)


@pytest.mark.parametrize("seed", range(30))
def test_any_rows_are_tracked_and_read_back(seed: int) -> None:
    sites = table()
    tracker = Tracker(sites, lambda frame, before: None)
    rows = rows_of(rubbish(seed, 800))
    start = 0
    for end in cut(rows, 60):
        stored = tracker.advance(rows[start:end])
        block = Block(stored.number, stored.record, sites)
        assert len(block.depth) == end - start
        assert (block.depth >= 0).all()
        assert int(block.spans.began["depth"].astype(np.int64).max(initial=1)) >= 1
        after = tracker.checkpoint
        top = after.stacks.get(after.thread)
        assert after.frame == (int(top["frame"][-1]) if top is not None and len(top) else 0)
        keys = stored.entries["key"]
        assert (keys[1:] >= keys[:-1]).all()
        assert Checkpoint.decode(after.encode()).encode() == after.encode()
        for seq in range(block.first_seq, block.first_seq + block.events, 7):
            for thread in block.checkpoint.stacks:
                assert block.enclosing(seq, thread) is not None
        start = end


@pytest.mark.parametrize("seed", range(6))
def test_walking_event_by_event_gives_what_matching_gives(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program(seed, snapshots=False).run(1500)
    sites = table()
    rows = rows_of(program.data())

    def run() -> list[object]:
        tracker = Tracker(sites, lambda frame, before: None)
        start = 0
        found: list[object] = []
        for end in cut(rows, 90):
            columns = Columns(rows[start:end], tracker.checkpoint, sites)
            spans = columns.spans
            found += [columns.depth.tolist(), spans.began.tolist()]
            found.append(sorted(spans.late.tolist()))
            stored = tracker.advance(rows[start:end])
            found.append(stored.record)
            start = end
        return found

    matched = run()

    def irregular(*args: object, **named: object) -> None:
        return None

    monkeypatch.setattr(spans_module, "_match_thread", irregular)
    assert run() == matched


@given(st.binary(max_size=300), st.binary(max_size=100), st.integers(0, 200), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_segment_coding_gives_back_what_went_in(
    checkpoint: bytes, frames: bytes, count: int, seed: int
) -> None:
    rows = np.random.default_rng(seed).integers(0, 256, count * 16, np.uint8).tobytes()
    record = BlockRecord(checkpoint, frames, rows)
    assert decode_record(encode_record(record)) == record
    assert BlockRecord.decode(record.encode()) == record


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=40), max_size=6)
)
@settings(max_examples=80, deadline=None)
def test_merged_runs_hold_every_entry_in_order(lists: list[list[tuple[int, int]]]) -> None:
    runs = []
    for pairs in lists:
        pairs.sort(key=lambda pair: pair[0])
        ids = np.array([pair[0] for pair in pairs], np.uint64)
        runs.append(entries(Family.OBJECTS, ids, np.array([pair[1] for pair in pairs], np.uint64)))
    parts = list(merged_parts(runs, 7))
    joined = np.concatenate(parts) if parts else np.empty(0, ENTRY)
    keys = joined["key"]
    assert (keys[1:] >= keys[:-1]).all()
    assert len(joined) == sum(map(len, lists))
    for number in range(31):
        wanted = [value for pairs in lists for one, value in pairs if one == number]
        assert lookup([ArrayRun(joined)], Family.OBJECTS, number).tolist() == wanted
        assert lookup([ArrayRun(run) for run in runs], Family.OBJECTS, number).tolist() == wanted
    assert key_of(Family.OBJECTS, 1 << 63) == key_of(Family.OBJECTS, (1 << 56) - 1)


@given(st.integers(1, 40), st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_blocks_end_at_the_first_event_at_or_after_their_size(size: int, seed: int) -> None:
    program = Program(seed, snapshots=False).run(60)
    rows = rows_of(program.data())
    ends = cut(rows, size)
    stops = set((event_ends(rows) + 1).tolist())
    start = 0
    for end in ends:
        assert end == min(stop for stop in stops if stop >= start + size)
        start = end
    assert not [stop for stop in stops if stop >= start + size]


def test_no_rows_make_no_columns() -> None:
    columns = Columns(np.empty(0, ROWS), Checkpoint(), table())
    for column in (columns.seq, columns.kind, columns.frame, columns.thread, columns.depth):
        assert len(column) == 0
    assert decode_frames(encode_frames({}))[0].tolist() == []
