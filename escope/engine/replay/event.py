"""One event of a recording, decoded when its parts are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escope.engine.replay.scalars import Raw
from escope.engine.replay.value import Document, Value, View
from escope.errors import RecordingError
from escope.events import Kind
from escope.storage.rows import FIRST_SITE, TAG_MASK, Detail, Start, Tag

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording
    from escope.storage.store import Block, CodeInfo

_STREAMS = {1: "stdout", 2: "stderr"}
_STARTS = {int(how): how.name.lower() for how in Start}
_WITH_VALUE = frozenset(
    {
        Kind.RETURN, Kind.YIELD, Kind.RESUME, Kind.RAISE, Kind.HANDLE, Kind.UNWIND,
        Kind.STORE, Kind.SETATTR, Kind.SETITEM, Kind.OUTPUT, Kind.HIT, Kind.FORK,
    }
)  # fmt: skip
_WITH_TARGET = frozenset({Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM, Kind.MUTATE})


class Event:
    """One event.  Its values are those of the moment after it."""

    __slots__ = ("_block", "_recording", "_row", "_view", "seq")

    task = None

    def __init__(self, recording: Recording, block: Block, row: int, seq: int) -> None:
        self._recording = recording
        self._block = block
        self._row = row
        self._view: View | None = None
        self.seq = seq

    @property
    def process(self) -> int:
        """The number of the process."""
        return self._recording.number

    @property
    def kind_id(self) -> Kind:
        """The kind as a number."""
        number = int(self._block.kind[self._row])
        try:
            return Kind(number)
        except ValueError:
            raise RecordingError(f"the recording is damaged: kind {number}") from None

    @property
    def kind(self) -> str:
        """The kind's label, e.g. ``thread-start``."""
        return self.kind_id.label

    @property
    def time_ns(self) -> int:
        """The newest time stamp at or before the event, in nanoseconds since the beginning."""
        return self._recording.time_at(self.seq)

    @property
    def thread(self) -> int:
        """escope's number of the thread."""
        return int(self._block.thread[self._row])

    @property
    def frame(self) -> int:
        """The frame that the event belongs to; for a call the one that begins."""
        return int(self._block.frame[self._row])

    @property
    def depth(self) -> int:
        """How many frames of the thread are below it."""
        return int(self._block.depth[self._row])

    @property
    def site(self) -> int:
        """The number of the site, below `FIRST_SITE` where the event has none."""
        return int(self._block.rows["head"][self._row]) >> 8

    @property
    def code(self) -> CodeInfo | None:
        """The code object; None where no frame is running."""
        number = self._recording.code_at(self._block, self._row)
        return self._recording.code(number) if number else None

    @property
    def file(self) -> str | None:
        """The source file; None where no frame is running."""
        code = self.code
        return None if code is None else code.file

    @property
    def function(self) -> str | None:
        """The qualified name of the code object; None where no frame is running."""
        code = self.code
        return None if code is None else code.qualname

    @property
    def line(self) -> int | None:
        """The line of the site; for an event without a site the frame's last line."""
        kind = self.kind_id
        if kind in (Kind.RAISE, Kind.HANDLE) and self._aux:
            return self._aux
        if kind is Kind.UNWIND:
            # Its site stands for the whole function.
            return self._recording.last_line_at(self._block, self._row)
        return self._recording.line_at(self._block, self._row)

    @property
    def name(self) -> str | Value | None:
        """The variable, attribute, operation, stream, thread or way to start; for items the key as a Value."""
        kind = self.kind_id
        if kind in (Kind.SETITEM, Kind.DELITEM):
            key = self._key()
            return None if key is None else self._value(key)
        if kind in (Kind.STORE, Kind.DELETE, Kind.SETATTR, Kind.DELATTR):
            site = self.site
            return self._recording.store.site(site).name if site >= FIRST_SITE else None
        if kind is Kind.OUTPUT:
            return _STREAMS.get(self._aux, str(self._aux))
        if kind in (Kind.MUTATE, Kind.THREAD_START) and self._raw[0] == Tag.STR:
            return str(self._recording.scalars.python(self._raw))
        if kind in (Kind.THREAD_START, Kind.THREAD_END):
            return self._recording.thread_name(self._aux)
        if kind is Kind.FORK:
            return _STARTS.get(self._aux, str(self._aux))
        if kind is Kind.HIT:
            return self._recording.predicate_text(self._aux)
        return None

    @property
    def value(self) -> Value | None:
        """The value stored, returned, raised or written; None where the kind has none.

        Calls and mutations have more than one: see `arguments` and `change`.
        """
        if self.kind_id not in _WITH_VALUE or self._raw[0] == Tag.NOTHING:
            return None
        return self._value(self._raw)

    @property
    def target(self) -> Value | None:
        """The object that an attribute, item or mutation belongs to; None for other kinds."""
        if self.kind_id not in _WITH_TARGET or not self._aux:
            return None
        return self._value((int(Tag.OBJECT), self._aux))

    @property
    def arguments(self) -> dict[str, Value]:
        """The arguments of a call by name; empty for other kinds."""
        if self.kind_id is not Kind.CALL:
            return {}
        from escope.engine.replay.arguments import bound_arguments

        return bound_arguments(self._recording, self._block, self._row, self.view)

    @property
    def view(self) -> View:
        """The contents of objects after the event."""
        if self._view is None:
            self._view = self._recording.view(self._block.number, self._row + 1)
        return self._view

    def to_json(self, depth: int | None = None, items: int | None = None) -> dict[str, Any]:
        """One line of `dump --json`."""
        document = Document(depth, items)
        kind = self.kind_id
        result: dict[str, Any] = {
            "process": self.process,
            "seq": self.seq,
            "time_ns": self.time_ns,
            "thread": self.thread,
            "task": self.task,
            "frame": self.frame,
            "depth": self.depth,
            "kind": kind.label,
            "file": self.file,
            "line": self.line,
            "function": self.function,
        }
        target = self.target
        if target is not None:
            result["target"] = document.value(target)
        name = self.name
        if isinstance(name, Value):
            result["name"] = document.value(name)
        elif name is not None:
            result["name"] = name
        if kind is Kind.CALL:
            result["value"] = {
                argument: document.value(value) for argument, value in self.arguments.items()
            }
        elif kind is Kind.MUTATE:
            result["value"] = self.change(document)
        else:
            value = self.value
            if value is not None:
                result["value"] = document.value(value)
        return result

    @property
    def operations(self) -> list[dict[str, Any]]:
        """What a mutation did to its target, in the form of `mutation` with values as Values; else empty."""
        if self.kind_id is not Kind.MUTATE:
            return []
        from escope.engine.replay.mutation import operations_of

        return operations_of(self._recording, self._block, self._row, self._aux, self.view)

    def change(self, document: Document | None = None) -> dict[str, Any]:
        """What a mutation changed in its target, as a document; see `mutation` for the form."""
        from escope.engine.replay.mutation import describe

        return describe(self.operations, document)

    @property
    def _aux(self) -> int:
        return int(self._block.rows["aux"][self._row])

    @property
    def _raw(self) -> Raw:
        row = self._block.rows[self._row]
        return (int(row["head"]) & TAG_MASK, int(row["value"]))

    def _value(self, raw: Raw) -> Value:
        return Value(self.view, raw)

    def _key(self) -> Raw | None:
        row = self._row - 1
        rows = self._block.rows
        while row >= 0 and not self._block.is_event[row]:
            head = int(rows["head"][row])
            if head >> 8 == Detail.KEY:
                return (head & TAG_MASK, int(rows["value"][row]))
            row -= 1
        return None

    def __repr__(self) -> str:
        return f"<Event {self.seq} {self.kind} {self.function}:{self.line}>"
