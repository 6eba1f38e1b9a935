"""A recording, open for reading: events, states, positions, counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from escope.engine.replay import counts, positions
from escope.engine.replay.arguments import binds
from escope.engine.replay.contents import Contents, Place
from escope.engine.replay.event import Event
from escope.engine.replay.processes import ProcessInfo, totals
from escope.engine.replay.scalars import Raw, Scalars
from escope.engine.replay.state import State
from escope.engine.replay.value import View
from escope.errors import PositionError, RecordingError
from escope.events import KIND_BY_LABEL, Kind, Seq
from escope.storage.rows import FIRST_SITE, TAG_MASK, Tag
from escope.storage.sites import CodeInfo

if TYPE_CHECKING:
    from escope.engine.replay.search import Moment
    from escope.engine.replay.timeline import Timeline
    from escope.storage.store import Block, Store

_SLOTS_CHANGE = (int(Kind.STORE), int(Kind.DELETE))


UNKNOWN = CodeInfo(
    0, "", "<unknown>", "", "", 0, 0, (), (), (), {"body": "function"}, 0, FIRST_SITE, FIRST_SITE
)
"""Of a frame that was seen only when it took a thread over, as greenlets do."""


class Recording:
    """What one process did, in a recorded run; opening a recording gives process 0, and others by `process`.

    A context manager; may be read from several threads.
    """

    def __init__(self, store: Store, path: str | os.PathLike[str] = "") -> None:
        self.store = store
        self.path = Path(path)
        self.scalars = Scalars(store)
        self.contents = Contents(store, self.scalars)
        self._timeline: Timeline | None = None
        self._line_counts = counts.LineCounts(self)
        self._children: dict[int, Recording] = {}
        self._opening = Lock()
        self._thread_names: dict[int, str] = {}
        self._thread_starts = -1

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Recording:
        """The recording at `path`, finished, growing or left by a crash.

        Raises RecordingError where it cannot be read.
        """
        from escope.storage.store import open_store

        return cls(open_store(path), path)

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; nothing of the recording can be read afterwards, of no process."""
        with self._opening:
            children, self._children = list(self._children.values()), {}
        for child in children:
            child.close()
        self.store.close()

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest as it is stored."""
        return self.store.manifest

    @property
    def live(self) -> bool:
        """Whether the program may still be running."""
        return self.store.live

    @property
    def event_count(self) -> int:
        """Events that can be read now."""
        return self.store.events

    def refresh(self) -> bool:
        """Look for new events of a live recording; whether there are any, or its stage changed."""
        return self.store.refresh()

    def info(self) -> dict[str, Any]:
        """The document of `info --json`; its counts are those of all processes together."""
        info = self.store.info()
        if self.number:
            return info
        processes = self.processes
        found = totals(info, processes[1:])
        found["processes"] = len(processes)
        found["process_list"] = [one.to_json() for one in processes]
        return found

    # Processes

    @property
    def number(self) -> int:
        """The number of the process whose events these are; 0 is the program that was recorded."""
        return self.store.number

    @property
    def processes(self) -> list[ProcessInfo]:
        """The processes of the recording, by their numbers; of a recording that grows those there are now."""
        info = self.store.info()
        live = self.live
        found = [ProcessInfo.of(self.number, info, live)]
        if not self.number:
            others = self.store.processes()
            found += [ProcessInfo.of(int(one["number"]), one, live) for one in others]
        return found

    def process(self, number: int) -> Recording:
        """What another process of the recording did; closed with this one, which 0 gives itself.

        Raises PositionError where there is no such process, RecordingError where its stream is damaged.
        """
        if number == self.number:
            return self
        known = [one.number for one in self.processes]
        if number not in known:
            one = f"only {known[0]}" if len(known) == 1 else f"but {known[0]} to {known[-1]}"
            raise PositionError(f"there is no process {number} in this recording, {one}")
        with self._opening:
            if number not in self._children:
                store = self.store.open_process(number)
                self._children[number] = Recording(store, self.path)
            return self._children[number]

    # Events

    def event(self, seq: int) -> Event:
        """One event.  Raises PositionError outside the recording."""
        if not 0 <= seq < self.event_count:
            raise PositionError(
                f"position {seq} is outside the recording, which has events 0 to "
                f"{self.event_count - 1}"
            )
        block = self.block_with(seq)
        return Event(self, block, self.row_of(block, seq), seq)

    def events(
        self,
        start: int = 0,
        stop: int | None = None,
        kinds: Collection[Kind] | None = None,
        backward: bool = False,
        *,
        kind: str | Kind | Collection[str | Kind] | None = None,
    ) -> Iterator[Event]:
        """Events from `start` up to, not including, `stop`, perhaps of some kinds only.

        Backward gives the same events, last first.  `kind` takes labels, e.g. ``"line"``.
        """
        wanted = kind_numbers(kinds, kind)
        stop = self.event_count if stop is None else min(stop, self.event_count)
        start = max(start, 0)
        if start >= stop:
            return
        first, last = self.store.block_of(start), self.store.block_of(stop - 1)
        numbers = range(last, first - 1, -1) if backward else range(first, last + 1)
        for number in numbers:
            block = self.store.block(number)
            rows = block.event_rows
            low = max(start - block.first_seq, 0)
            high = min(stop - block.first_seq, len(rows))
            indexes = np.arange(low, high)
            if wanted is not None:
                indexes = indexes[np.isin(block.kind[rows[low:high]], wanted)]
            if backward:
                indexes = indexes[::-1]
            places = rows[indexes].tolist()
            for index, row in zip(indexes.tolist(), places, strict=True):
                yield Event(self, block, row, block.first_seq + index)

    def at(self, seq: int) -> State:
        """The state after the event.  Raises PositionError outside the recording."""
        return State(self, seq)

    def position(self, text: str) -> Seq:
        """The seq of ``"123"``, ``"start"``, ``"end"``, ``"exception"`` or ``"50%"`` in this process.

        ``"0:123"`` and so on say that they are in process 0; see `place`.  Raises PositionError where there is
        no such moment, UsageError for other text.
        """
        return positions.resolve(self, text)

    def place(self, text: str, process: int | None = None) -> tuple[Recording, Seq]:
        """The process and the seq that ``"2:123"`` names; without a number the position is in `process`.

        Raises what `process` and `position` raise.
        """
        number, rest = positions.split(text)
        if number is None:
            number = self.number if process is None else process
        chosen = self.process(number)
        return chosen, chosen.position(rest)

    @property
    def timeline(self) -> Timeline:
        """Steps and marks."""
        if self._timeline is None:
            from escope.engine.replay.timeline import Timeline

            self._timeline = Timeline(self)
        return self._timeline

    def find(
        self,
        expression: str,
        every: bool = False,
        backward: bool = False,
        start: int | None = None,
        limit: int | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Moment]:
        """Line moments at which `expression` becomes true, with `every` all at which it is true.

        Forward from `start` on, or backward from `start` down.  Raises PredicateError at once where
        the expression is not a predicate.
        """
        from escope.engine.predicate import compile_predicate
        from escope.engine.replay.search import search

        predicate = compile_predicate(expression)
        return search(self, predicate, every, backward, start, limit, cancelled)

    # Sources and counts

    def source_lines(self, file: str) -> list[str]:
        """The lines of a source file as it was when the program ran; empty where it is not kept."""
        for code in self.store.codes.values():
            if code.file == file and code.source:
                data = self.store.source(code.source)
                if data is not None:
                    return decode_source(data)
        return []

    def files(self) -> list[str]:
        """The source files, in the order in which they were loaded."""
        return list(dict.fromkeys(code.file for code in self.store.codes.values()))

    def line_counts(self, file: str) -> dict[int, int]:
        """How often each line ran."""
        return self._line_counts.of(file)

    def density(
        self, buckets: int, kinds: Collection[Kind] | None = None, by: str = "seq"
    ) -> NDArray[np.int64]:
        """Events in each of `buckets` equal spans of the recording, by ``"seq"`` or by ``"time"``."""
        return counts.density(self, buckets, kinds, by)

    def marks(self, kind: Kind) -> NDArray[np.int64]:
        """The seqs of all events of a rare kind: RAISE, OUTPUT, HIT, THREAD_START, THREAD_END, FORK."""
        return np.asarray(self.store.kind_seqs(kind), dtype=np.int64)

    def output(self, upto: int | None = None) -> list[tuple[int, str, bytes]]:
        """What the program had written up to and including `upto`: seq, stream, bytes."""
        seqs = self.marks(Kind.OUTPUT)
        if upto is not None:
            seqs = seqs[: np.searchsorted(seqs, upto, "right")]
        return [self._written(seq) for seq in seqs.tolist()]

    def _written(self, seq: int) -> tuple[int, str, bytes]:
        event = self.event(seq)
        value = event.value
        data = b"" if value is None else value.scalar
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        return seq, str(event.name), data

    # What the other files of this package share

    def code(self, number: int) -> CodeInfo:
        """The code object; 0 is code of which nothing is known.  Raises RecordingError if there is none."""
        if number == 0:
            return UNKNOWN
        try:
            return self.store.codes[number]
        except KeyError:
            raise RecordingError(f"the recording is damaged: no code object {number}") from None

    def view(self, block: int, limit: int) -> View:
        """The contents of objects after the first `limit` rows of a block."""
        return View(self.store, self.scalars, self.contents, Place(block, limit))

    def block_with(self, seq: int) -> Block:
        """The block that holds the event."""
        return self.store.block(self.store.block_of(seq))

    def row_of(self, block: Block, seq: int) -> int:
        """The row of the event in its block."""
        try:
            return block.row_of(seq)
        except IndexError as error:
            raise RecordingError(f"the recording is damaged: {error}") from None

    def time_at(self, seq: int) -> int:
        """The newest time stamp at or before the event."""
        return int(self.store.time_at(seq))

    def thread_name(self, number: int) -> str:
        """The thread's name, as it was when the thread began."""
        starts = self.store.kind_seqs(Kind.THREAD_START)
        if len(starts) != self._thread_starts:
            for seq in starts[max(self._thread_starts, 0) :].tolist():
                block = self.block_with(seq)
                row = block.rows[self.row_of(block, seq)]
                tag = int(row["head"]) & TAG_MASK
                if tag == Tag.STR:
                    name = self.scalars.text(int(row["value"]))
                    self._thread_names[int(row["aux"])] = name
            self._thread_starts = len(starts)
        default = "MainThread" if number == 1 else f"Thread-{number}"
        return self._thread_names.get(number, default)

    def task_name(self, number: int, seq: int) -> str:
        """The asyncio task's name at an event, its first one before it had any; empty where none was recorded."""
        seqs = self.store.task_seqs(number)
        place = int(np.searchsorted(seqs, seq, "right"))
        for told in [*seqs[:place][::-1].tolist(), *seqs[place:].tolist()]:
            name = self.event(told).task_named(number)
            if name is not None:
                return self.scalars.text(name)
        return ""

    def predicate_text(self, number: int) -> str:
        """The text of a predicate that marked hits while recording."""
        for predicate in self.store.predicates:
            if predicate.get("number") == number:
                return str(predicate.get("text", ""))
        return str(number)

    def code_at(self, block: Block, row: int) -> int:
        """The code object of the event at `row`, 0 where no frame is running."""
        site = self._site_at(block, row)
        return int(self.store.site_code[site]) if site else 0

    def line_at(self, block: Block, row: int) -> int | None:
        """The line of the event at `row`; None where no frame is running."""
        site = self._site_at(block, row)
        return self.line_of(site) if site else None

    def last_line_at(self, block: Block, row: int) -> int | None:
        """The last line of the frame of the event at `row`; None where no frame is running."""
        site = int(self.contents.changes(block.number).last_site[row])
        return self.line_of(site) if site else None

    def line_of(self, site: int) -> int:
        """The line of a site; of the call of a module, which the compiler puts at line 0, its first."""
        line = int(self.store.site_line[site])
        return line or self.code(int(self.store.site_code[site])).first_line

    def slot_changes(self, block: Block, frame: int, limit: int) -> Iterator[tuple[int, Raw]]:
        """Each change of one of the frame's own slots in the block's first `limit` rows, in order."""
        kinds = block.kind[:limit]
        mine = block.frame[:limit] == frame
        aux = block.rows["aux"][:limit]
        stores = np.isin(kinds, _SLOTS_CHANGE) & mine & (aux == 0)
        calls = (kinds == Kind.CALL) & mine
        slots = self.store.site_slot
        for row in np.nonzero(stores | calls)[0].tolist():
            if kinds[row] == Kind.CALL:
                yield from binds(block, row)
                continue
            head = int(block.rows["head"][row])
            site = head >> 8
            slot = int(slots[site]) if site >= FIRST_SITE else -1
            if slot < 0:
                continue
            if kinds[row] == Kind.DELETE:
                yield slot, (int(Tag.NOTHING), 0)
            else:
                yield slot, (head & TAG_MASK, int(block.rows["value"][row]))

    def _site_at(self, block: Block, row: int) -> int:
        """The event's site; for an event without one the place where its frame was last seen."""
        site = int(block.rows["head"][row]) >> 8
        if site < FIRST_SITE:
            if not block.frame[row]:
                return 0
            site = int(self.contents.changes(block.number).last_site[row])
        if site >= len(self.store.site_code):
            raise RecordingError(f"the recording is damaged: no site {site}")
        return site


def kind_numbers(
    kinds: Collection[Kind] | None, kind: str | Kind | Collection[str | Kind] | None
) -> NDArray[np.int64] | None:
    """The kinds as sorted numbers, None for all.  Raises PositionError for an unknown label."""
    if kinds is None and kind is None:
        return None
    chosen: set[int] = {int(one) for one in kinds or ()}
    listed: Collection[str | Kind] = (
        () if kind is None else kind if not isinstance(kind, (str, Kind)) else (kind,)
    )
    for one in listed:
        if isinstance(one, str):
            if one not in KIND_BY_LABEL:
                raise PositionError(f"there is no kind of event called {one!r}")
            one = KIND_BY_LABEL[one]
        chosen.add(int(one))
    return np.array(sorted(chosen), dtype=np.int64)


def decode_source(data: bytes) -> list[str]:
    """The lines of Python source, by its declared encoding."""
    import io
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding, "replace")
    except (SyntaxError, LookupError):
        text = data.decode("utf-8", "replace")
    return io.StringIO(text, newline=None).read().split("\n")
