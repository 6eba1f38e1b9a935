"""Checks every answer of a store against the synthetic program's own record of what it did."""

from __future__ import annotations

import numpy as np

from escope.events import Kind, Label
from escope.storage.checkpoint import NO_SEQ
from escope.storage.rows import Shape, Tag
from escope.storage.store import Store
from tests.storage.model import Program


def check_rows(store: Store, program: Program, events: int) -> None:
    """Rows and columns of all blocks; blocks end between events."""
    assert store.events == events
    rows = b"".join(store.block(n).rows.tobytes() for n in range(store.blocks))
    assert rows == program.data(0, events)
    seq = 0
    for number in range(store.blocks):
        block = store.block(number)
        assert block.first_seq == seq
        assert block.is_event[-1]
        assert block.seq.tolist()[-1] == seq + block.events - 1
        at = block.event_rows
        truth = program.events[seq : seq + block.events]
        assert block.kind[at].tolist() == [one.kind for one in truth]
        assert block.site[at].tolist() == [one.site for one in truth]
        assert block.thread[at].tolist() == [one.thread for one in truth]
        assert block.frame[at].tolist() == [one.frame for one in truth]
        assert block.depth[at].tolist() == [one.depth for one in truth]
        assert block.times.tolist() == [one.time for one in truth]
        seq += block.events
    assert seq == events


def check_states(store: Store, program: Program, events: int) -> None:
    """Checkpoints: stacks and variables at the beginning of every block."""
    for number in range(1, store.blocks):
        checkpoint = store.block(number).checkpoint
        seq = store.block(number).first_seq - 1
        wanted = {t: s for t, s in program.states[seq].items() if s}
        found = {
            thread: tuple(
                (frame, code, line, -1 if line_seq == NO_SEQ else line_seq, start)
                for frame, start, line_seq, code, line in stack.tolist()
            )
            for thread, stack in checkpoint.stacks.items()
            if len(stack)
        }
        assert found == wanted, number
        for frame, variables in program.variables[seq].items():
            got = store.frame_variables(frame, number)
            table = {} if got is None else {s: (t, v, q) for s, t, v, q in got.tolist()}
            assert table == variables, (number, frame)


def check_index(store: Store, program: Program, events: int) -> None:
    """Objects, activations, marks, sites, time, strings, types."""
    starts = [store.block(n).first_seq for n in range(store.blocks)]

    def block_of(seq: int) -> int:
        return int(np.searchsorted(starts, seq, "right")) - 1

    for oid, changes in program.changes.items():
        wanted: dict[int, bool] = {}
        for seq, whole in changes:
            if seq < events:
                wanted[block_of(seq)] = wanted.get(block_of(seq), False) or whole
        assert dict(store.object_blocks(oid, store.blocks)) == wanted
        middle = store.blocks // 2
        got = list(store.object_blocks(oid, middle))
        assert got == sorted(((b, w) for b, w in wanted.items() if b <= middle), reverse=True)
    for start, (end, frame, thread, depth, code) in program.activations.items():
        if start >= events:
            continue
        found = store.activation(start)
        assert found is not None
        end = end if end is not None and end < events else None
        assert (found.end_seq, found.frame, found.thread) == (end, frame, thread)
        assert (found.depth, found.code) == (depth, code)
    assert store.activation(0) is None
    begun = [one.start_seq for one in store.activations(0, events)]
    assert begun == sorted(start for start in program.activations if start < events)
    for seq in range(0, events, max(events // 50, 1)):
        thread = program.events[seq].thread
        got = [(one.start_seq, one.depth) for one in store.enclosing(seq, thread)]
        wanted_spans = sorted(
            (start, depth)
            for start, (end, _, owner, depth, _) in program.activations.items()
            if owner == thread and start <= seq and (end is None or end >= seq)
        )
        assert got == wanted_spans
    for kind in (Kind.RAISE, Kind.OUTPUT, Kind.HIT, Kind.THREAD_START, Kind.THREAD_END):
        wanted_seqs = [s for s in range(events) if program.events[s].kind == kind]
        assert store.kind_seqs(kind).tolist() == wanted_seqs
    outermost = [
        s
        for s in range(events)
        if program.events[s].kind == Kind.UNWIND and program.events[s].depth == 1
    ]
    assert store.outermost_ends().tolist() == outermost
    sites: dict[int, set[int]] = {}
    counts: dict[int, int] = {}
    for seq in range(events):
        site = program.events[seq].site
        sites.setdefault(site, set()).add(block_of(seq))
        counts[site] = counts.get(site, 0) + 1
    for site, blocks in sites.items():
        if site >= 256:
            assert store.site_blocks(site).tolist() == sorted(blocks)
            assert store.site_count(site) == counts[site]
    times = [one.time for one in program.events[:events]]
    for seq in range(0, events, max(events // 40, 1)):
        assert store.block_of(seq) == block_of(seq)
        assert store.time_at(seq) == times[seq]
        assert store.seq_at_time(times[seq]) == int(np.searchsorted(times, times[seq], "right")) - 1
    assert store.seq_at_time(1 << 62) == events - 1
    last = max(
        int.from_bytes(row[8:16], "little")
        for row in program.rows[: program.groups[events]]
        if int.from_bytes(row[:4], "little") >> 8 == 3
    )
    for sid, (text, full) in program.strings.items():
        if sid <= last:
            got_string = store.string(sid)
            assert (got_string.data, got_string.full_length, got_string.tag) == (
                text,
                full,
                Tag.STR,
            )


def check_tables(store: Store, program: Program, events: int) -> None:
    """Types, modules and the figures of `info`, for a whole recording."""
    for tid, (shape, name, fields) in program.types.items():
        info = store.type(tid)
        assert info.shape == Shape(shape)
        assert info.name.encode() == program.strings[name][0]
        assert info.fields == tuple(program.strings[one][0].decode() for one in fields)
    assert store.module_namespace("__main__") == 1
    assert store.module_namespace("nothing") is None
    info_now = store.info()
    assert info_now["events"] == events
    kinds: dict[str, int] = {}
    for one in program.events[:events]:
        label = Kind(one.kind).label
        kinds[label] = kinds.get(label, 0) + 1
    assert info_now["kinds"] == kinds
    labels = {k.text: n for k, n in program.labels.items() if n and k is not Label.EXACT}
    assert info_now["labels"] == labels
    assert info_now["duration_ns"] == program.events[events - 1].time


def check_all(store: Store, program: Program, events: int | None = None) -> None:
    """Everything."""
    count = len(program.events) if events is None else events
    check_rows(store, program, count)
    check_states(store, program, count)
    check_index(store, program, count)
    if count == len(program.events):
        check_tables(store, program, count)
