"""One event of a recording, decoded when its parts are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escope.engine.replay.scalars import Raw
from escope.engine.replay.value import Document, Value, View
from escope.errors import RecordingError
from escope.events import MESSAGE_KINDS, TASK_KINDS, Kind, Operation
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
        Kind.TASK_CREATE, Kind.TASK_AWAIT, Kind.TASK_DONE, Kind.SEND, Kind.RECEIVE,
    }
)  # fmt: skip
_WITH_TARGET = MESSAGE_KINDS | {
    Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM, Kind.MUTATE,
}  # fmt: skip


class Event:
    """One event.  Its values are those of the moment after it."""

    __slots__ = ("_block", "_recording", "_row", "_view", "seq")

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
    def task(self) -> int | None:
        """escope's number of the asyncio task that the thread runs; None if it runs none."""
        return int(self._block.task[self._row]) or None

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
        """The variable, attribute, operation, stream, thread, task, way to start; for items the key as a Value."""
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
        if kind in MESSAGE_KINDS:
            return self._operation[0]
        if kind in TASK_KINDS:
            return self._recording.task_name(self._aux, self.seq) or None
        return None

    @property
    def subject(self) -> int | None:
        """The task that an event of a task speaks of; None for a switch to no task, and for other kinds."""
        return self._aux or None if self.kind_id in TASK_KINDS else None

    def task_named(self, number: int) -> int | None:
        """The string id of the name that the event gives a task; None if it gives it none."""
        rows = self._block.rows
        row = self._detail(Detail.TASK_NAME, number)
        return None if row is None else int(rows["value"][row])

    @property
    def outcome(self) -> str | None:
        """How a task ended: ``returned``, ``raised`` or ``cancelled``; None for other kinds."""
        return self._operation[0] if self.kind_id is Kind.TASK_DONE else None

    @property
    def message(self) -> int | None:
        """What a send and its receive, or an acquire and its release, have in common; None if not known."""
        return self._operation[1] or None if self.kind_id in MESSAGE_KINDS else None

    @property
    def partners(self) -> list[int]:
        """The other events with its message, by seq: of a receive or release the one that it answers.

        A send may have none (never received), or several (a result that was asked for twice).
        """
        message = self.message
        if message is None:
            return []
        kind = self.kind_id
        seqs = self._recording.store.message_seqs(message).tolist()
        if kind in (Kind.RECEIVE, Kind.RELEASE):
            return [seq for seq in seqs[:1] if seq < self.seq]
        return [seq for seq in seqs if seq > self.seq]

    @property
    def value(self) -> Value | None:
        """The value stored, returned, raised, written or sent; None where the kind has none.

        Of a new task the name of its coroutine, of an ended one its result or exception.

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
        if kind in TASK_KINDS:
            result["subject"] = self.subject
        if kind is Kind.TASK_DONE:
            result["outcome"] = self.outcome
        elif kind in MESSAGE_KINDS:
            result["message"] = self.message
            result["partners"] = self.partners
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

    @property
    def _operation(self) -> tuple[str | None, int]:
        """The word for what was done, and the message id."""
        row = self._detail(Detail.OPERATION)
        if row is None:
            return None, 0
        number = int(self._block.rows["aux"][row])
        try:
            word: str = Operation(number).text
        except ValueError:
            word = str(number)
        return word, int(self._block.rows["value"][row])

    def _key(self) -> Raw | None:
        row = self._detail(Detail.KEY)
        if row is None:
            return None
        return (int(self._block.rows["head"][row]) & TAG_MASK, int(self._block.rows["value"][row]))

    def _detail(self, detail: Detail, aux: int | None = None) -> int | None:
        """The last row of this sort, perhaps with this `aux`, among the event's detail rows."""
        row = self._row - 1
        rows = self._block.rows
        while row >= 0 and not self._block.is_event[row]:
            if int(rows["head"][row]) >> 8 == detail and aux in (None, int(rows["aux"][row])):
                return row
            row -= 1
        return None

    def __repr__(self) -> str:
        return f"<Event {self.seq} {self.kind} {self.function}:{self.line}>"
