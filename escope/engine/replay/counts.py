"""How often lines ran, and how many events lie where: exact counts over whole recordings."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from escope.events import Kind

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording


class LineCounts:
    """Counts of line events per site; blocks that were counted are not read again."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._counts: dict[int, int] = {}
        self._counted: dict[int, int] = {}

    def of(self, file: str) -> dict[int, int]:
        """Line to number of runs, for the lines of `file` that ran."""
        store = self._recording.store
        codes = [number for number, code in store.codes.items() if code.file == file]
        sites = np.nonzero(
            np.isin(store.site_code, codes) & (np.asarray(store.site_kind) == Kind.LINE)
        )[0].tolist()
        stale: dict[int, list[int]] = {}
        for site in sites:
            for block in np.asarray(store.site_blocks(site)).tolist():
                # The newest blocks of a live recording may still grow.
                if block > self._counted.get(site, -1):
                    stale.setdefault(block, []).append(site)
        frozen = store.blocks - 2 if store.live else store.blocks - 1
        growing: dict[int, int] = {}
        for block, here in sorted(stale.items()):
            ran = np.bincount(
                np.asarray(self._recording.contents.changes(block).site),
                minlength=len(store.site_kind),
            )
            for site in here:
                if block <= frozen:
                    self._counts[site] = self._counts.get(site, 0) + int(ran[site])
                    self._counted[site] = block
                else:
                    growing[site] = growing.get(site, 0) + int(ran[site])
        result: dict[int, int] = {}
        for site in sites:
            count = self._counts.get(site, 0) + growing.get(site, 0)
            if count:
                line = int(store.site_line[site])
                result[line] = result.get(line, 0) + count
        return result


def density(
    recording: Recording, buckets: int, kinds: Collection[Kind] | None, by: str
) -> NDArray[np.int64]:
    """Events in each of `buckets` equal spans, by seq or by time; sums to the number of events."""
    total = recording.event_count
    if total == 0 or buckets <= 0:
        return np.zeros(max(buckets, 0), dtype=np.int64)
    if by == "time":
        store = recording.store
        end = recording.time_at(total - 1) + 1
        bounds = [0]
        bounds += [int(store.seq_at_time(end * step // buckets)) for step in range(1, buckets)]
        bounds.append(total)
    else:
        bounds = [total * step // buckets for step in range(buckets + 1)]
    edges = np.maximum.accumulate(np.array(bounds, dtype=np.int64))
    if kinds is None:
        return np.diff(edges)
    wanted = np.array(sorted(int(kind) for kind in kinds))
    before = np.concatenate(
        ([0], np.cumsum(np.asarray(recording.store.block_kinds())[:, wanted].sum(axis=1)))
    )
    return np.diff([_upto(recording, int(edge), wanted, before) for edge in edges])


def _upto(
    recording: Recording, seq: int, wanted: NDArray[np.int64], before: NDArray[np.int64]
) -> int:
    """Events of the wanted kinds before `seq`."""
    if seq >= recording.event_count:
        return int(before[-1])
    number = recording.store.block_of(seq)
    block = recording.store.block(number)
    rows = recording.contents.changes(number).event_rows[: seq - block.first_seq]
    inside = int(np.isin(np.asarray(block.kind)[rows], wanted).sum())
    return int(before[number]) + inside
