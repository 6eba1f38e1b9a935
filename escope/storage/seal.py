"""Sealing: makes the archive of a process's directory, and of the recording with those of its other processes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from escope.errors import RecordingError
from escope.events import Kind, Label
from escope.storage.archive import ArchiveWriter
from escope.storage.blocks import SUMMARY, cut
from escope.storage.columns import event_ends, rows_of
from escope.storage.directory import Directory
from escope.storage.index import merge, merged_parts
from escope.storage.processes import FOLDER
from escope.storage.segments import SegmentWriter, compress, segment_name
from escope.storage.tracker import StoredBlock, Tracker

_MERGE_ENTRIES = 1 << 17
_LISTED = (
    "argv", "at", "began_ns", "cwd", "dropped", "duration_ns", "events", "kinds", "labels", "parent", "partial",
    "pid", "started", "status", "how",
)  # fmt: skip
"""What the recording's manifest repeats of the manifests of its other processes."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The sealed stream of one process."""

    number: int
    path: Path | None
    """None where it could not be sealed."""
    size: int
    entry: dict[str, Any]
    """Its entry in the recording's list of processes."""

    @classmethod
    def of(cls, number: int, path: Path, manifest: dict[str, Any]) -> Sealed:
        """What there is at `path`, whose manifest is `manifest`."""
        return cls(number, path, path.stat().st_size, cls.entry_of(number, manifest))

    @staticmethod
    def entry_of(number: int, manifest: dict[str, Any]) -> dict[str, Any]:
        """The entry of a process with this manifest in the recording's list."""
        return {
            "number": number,
            "stored": True,
            **{key: manifest.get(key) for key in _LISTED},
        }

    @classmethod
    def broken(cls, number: int, reason: str) -> Sealed:
        """The stream of a process that nothing can be said of but why."""
        return cls(number, None, 0, {"number": number, "stored": False, "partial": reason})


def counts_of(summaries: Any) -> dict[str, Any]:
    """`events`, `kinds` and `labels` of the blocks with these summaries."""
    kinds = summaries["kinds"].sum(axis=0, dtype=np.int64)
    labels = summaries["labels"].sum(axis=0, dtype=np.int64)
    return {
        "events": int(summaries["events"].sum(dtype=np.int64)),
        "kinds": {kind.label: int(kinds[kind]) for kind in Kind if kinds[kind]},
        "labels": {label.text: int(labels[label]) for label in Label if label and labels[label]},
    }


def tail_blocks(tracker: Tracker, rows: bytes, block_rows: int) -> list[StoredBlock]:
    """The blocks of the rows behind the last stored block; a torn event at their end is left out."""
    array = rows_of(rows)
    ends = cut(array, block_rows)
    events = event_ends(array)
    if len(events) and (not ends or events[-1] >= ends[-1]):
        ends.append(int(events[-1]) + 1)
    blocks = []
    start = 0
    for end in ends:
        blocks.append(tracker.advance(array[start:end]))
        start = end
    return blocks


def seal(
    directory: Directory,
    ring_rows: bytes,
    out: Path,
    manifest: dict[str, Any],
    others: Sequence[Sealed] = (),
    *,
    sync: bool = True,
) -> Sealed:
    """Write the archive of `directory`, with the `ring_rows` that are not stored there yet, to `out`.

    The streams of `others` become members of it.  `out` appears complete or not at all; with `sync` it
    outlives a power failure.  OSError where it cannot be written.
    """
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    part = directory.path
    if part.parent == out.parent:
        # A killed collector then leaves nothing outside the directory.
        temporary = part / "sealing"
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w+b") as file:
            writer = ArchiveWriter(file)
            try:
                full = _write(writer, directory, ring_rows, manifest, others)
            except BaseException:
                writer.abandon()
                raise
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(temporary, out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        _sync_folder(out.parent)
    return Sealed.of(int(full.get("process", 0)), out, full)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(
    writer: ArchiveWriter,
    directory: Directory,
    ring_rows: bytes,
    manifest: dict[str, Any],
    others: Sequence[Sealed],
) -> dict[str, Any]:
    """Write all members; return the manifest as it was written."""
    with directory.hot.reading() as reader:
        state = reader.state()
        tracker = directory.tracker(reader)
        tail = tail_blocks(tracker, reader.pending() + ring_rows, state.block_rows)
        summaries = np.empty(state.blocks + len(tail), SUMMARY)
        summaries[: state.blocks] = reader.summaries(0, state.blocks)
        for number, block in enumerate(tail, state.blocks):
            summaries[number] = block.summary
        for number in range(state.segments):
            path = directory.segment_path(number)
            with writer.open(f"segments/{path.name}") as member, open(path, "rb") as segment:
                shutil.copyfileobj(segment, member, 1 << 20)
        number = state.segments
        for first in range(state.first_hot, len(summaries), directory.segment_blocks):
            end = min(first + directory.segment_blocks, len(summaries))
            with writer.open(f"segments/{segment_name(number)}") as member:
                segment_writer = SegmentWriter(member, number)
                for place in range(first, end):
                    if place >= state.blocks:
                        data = tail[place - state.blocks].record.encode()
                    else:
                        found = reader.data(place)
                        if found is None:
                            raise RecordingError(f"block {place} is missing from the hot store")
                        data = found
                    segment_writer.add(data, summaries[place])
            number += 1
        writer.add_summaries(summaries)
        tables = reader.tables(0, state.blocks) + b"".join(block.tables for block in tail)
        writer.add("tables", compress(tables))
        runs = [run.array for run in reader.runs()]
        if tail:
            runs.append(merge([block.entries for block in tail]))
        writer.add_index(merged_parts(runs, _MERGE_ENTRIES))
        del runs
    writer.add("sites.jsonl", directory.sites_bytes())
    names = directory.source_names()
    for name in names:
        writer.add(f"sources/{name}", directory.source(name) or b"")
    for other in others:
        if other.path is not None:
            with (
                writer.open(f"{FOLDER}/{other.number}.esr") as member,
                open(other.path, "rb") as file,
            ):
                shutil.copyfileobj(file, member, 1 << 20)
    full = {**manifest, **counts_of(summaries), "duration_ns": tracker.checkpoint.time}
    full["sealed"] = True
    # A member whose name was damaged must be missed, not taken for one that was never there.
    full["sources"] = names
    full.setdefault("dropped", 0)
    if others:
        full["processes"] = [other.entry for other in others]
    writer.add("manifest.json", json.dumps(full, indent=1).encode())
    writer.close()
    return full
