"""The state after one event: threads, their frames, and the frames' variables, built when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from escope.engine.replay.scalars import Raw
from escope.engine.replay.value import Document, Value, View
from escope.errors import PositionError
from escope.events import CONTEXT_KINDS, Kind
from escope.storage.checkpoint import NO_SEQ
from escope.storage.rows import NO_SLOT, Detail, Shape, Tag

if TYPE_CHECKING:
    from escope.engine.replay.diff import Change
    from escope.engine.replay.recording import Recording
    from escope.storage.store import Block, CodeInfo

_CONTEXT = np.array(sorted(CONTEXT_KINDS | {Kind.THREAD_END}))


class Entry(NamedTuple):
    """One frame of a stack."""

    frame: int
    code: int
    site: int
    """The site of the newest line, 0 before the first."""
    line_seq: int
    """The seq of the newest line moment, `NO_SEQ` before the first."""
    start: int
    """The seq of the CALL or RESUME that put the frame on the stack."""


class Stacks:
    """The stacks of all threads at one place of a block, outermost frame first."""

    def __init__(self, recording: Recording, block: Block, limit: int) -> None:
        store = recording.store
        checkpoint = block.checkpoint
        of: dict[int, list[Entry]] = {
            thread: [
                Entry(frame, code, line, line_seq, start)
                for frame, start, line_seq, code, line in stack.tolist()
            ]
            for thread, stack in checkpoint.stacks.items()
        }
        known = {entry.frame: entry for stack in of.values() for entry in stack}
        current: int = checkpoint.thread
        kinds = block.kind[:limit]
        sites = block.site[:limit]
        places = np.nonzero(np.isin(kinds, _CONTEXT) | (sites == Detail.THREAD))[0]
        rows = block.rows[places]
        called: set[int] = set()
        for kind, site, seq, aux in zip(
            kinds[places].tolist(),
            sites[places].tolist(),
            block.seq[places].tolist(),
            rows["aux"].tolist(),
            strict=True,
        ):
            if kind == 0:
                current = aux
                of.setdefault(current, [])
            elif kind == Kind.THREAD_END:
                of.pop(aux, None)
            elif kind in (Kind.CALL, Kind.RESUME):
                code = int(store.site_code[site])
                of.setdefault(current, []).append(Entry(aux, code, 0, NO_SEQ, seq))
                if kind == Kind.CALL:
                    called.add(aux)
            else:
                self._leave(of.setdefault(current, []), aux)
        self.current = current
        self.of = of
        """Per thread its stack."""
        lines = np.nonzero(kinds == Kind.LINE)[0]
        newest = dict(zip(block.frame[lines].tolist(), lines.tolist(), strict=True))
        for stack in of.values():
            for depth, entry in enumerate(stack):
                row = newest.get(entry.frame)
                if row is not None:
                    site, seq = int(sites[row]), int(block.seq[row])
                elif entry.site or entry.frame in called:
                    continue
                elif entry.frame in known:
                    # A generator that was suspended and resumed here, and ran no line meanwhile.
                    site, seq = known[entry.frame].site, known[entry.frame].line_seq
                else:
                    before = store.frame_entry(entry.frame, block.number)
                    if before is None:
                        continue
                    site, seq = int(before.line), int(before.line_seq)
                stack[depth] = entry._replace(site=site, line_seq=seq)

    @staticmethod
    def _leave(stack: list[Entry], caller: int) -> None:
        if stack:
            stack.pop()
        # A frame that went away without an event of its own (its thread was killed) must not stay.
        if caller and any(entry.frame == caller for entry in stack):
            while stack[-1].frame != caller:
                stack.pop()


class State:
    """What all events up to `seq` say.  Attributes are read when they are asked for."""

    def __init__(self, recording: Recording, seq: int) -> None:
        if not 0 <= seq < recording.event_count:
            raise PositionError(
                f"position {seq} is outside the recording, which has events 0 to "
                f"{recording.event_count - 1}"
            )
        self.recording = recording
        self.seq = seq
        self.process = recording.number
        self._block = recording.block_with(seq)
        self._limit = recording.row_of(self._block, seq) + 1
        self.view = recording.view(self._block.number, self._limit)
        self._stacks: Stacks | None = None
        self._threads: list[ThreadState] | None = None

    @property
    def time_ns(self) -> int:
        """The newest time stamp at or before the event, in nanoseconds since the beginning."""
        return self.recording.time_at(self.seq)

    @property
    def stacks(self) -> Stacks:
        """The stacks as numbers."""
        if self._stacks is None:
            self._stacks = Stacks(self.recording, self._block, self._limit)
        return self._stacks

    @property
    def threads(self) -> list[ThreadState]:
        """The threads that have started and not ended."""
        if self._threads is None:
            self._threads = [
                ThreadState(self, number, stack)
                for number, stack in sorted(self.stacks.of.items())
                if number
            ]
        return self._threads

    @property
    def current_thread(self) -> int:
        """The thread that the event belongs to."""
        return self.stacks.current

    @property
    def current_frame(self) -> FrameState | None:
        """The frame on top of the current thread's stack; None where it runs no recorded code."""
        number = self.current_thread
        stack = self.stacks.of.get(number, [])
        return FrameState(self, number, len(stack) - 1, stack[-1]) if stack else None

    def thread(self, number: int) -> ThreadState:
        """The thread with this number.  Raises KeyError if it does not run at this moment."""
        for thread in self.threads:
            if thread.id == number:
                return thread
        raise KeyError(number)

    def frame(self, number: int) -> FrameState | None:
        """The frame with this number, if it is on a stack."""
        for thread in self.threads:
            for frame in thread.frames:
                if frame.id == number:
                    return frame
        return None

    def value(self, raw: Raw) -> Value:
        """The value of a row at this moment."""
        return Value(self.view, raw)

    def to_json(self, depth: int | None = None, items: int | None = None) -> dict[str, Any]:
        """The document of `state --json`."""
        document = Document(depth, items)
        return {
            "process": self.process,
            "seq": self.seq,
            "time_ns": self.time_ns,
            "threads": [thread.to_json(document) for thread in self.threads],
        }

    def diff(self, other: State) -> list[Change]:
        """What turns this state into `other`; empty exactly when they are equal."""
        from escope.engine.replay.diff import diff_states

        return diff_states(self, other)

    def raw_variables(self, frame: int, code: CodeInfo) -> dict[int, Raw]:
        """The frame's slots at this moment; unbound ones are absent, cells are object ids."""
        slots: dict[int, Raw] = {}
        table = self.recording.store.frame_variables(frame, self._block.number)
        if table is not None:
            for slot, tag, value in zip(
                table["slot"].tolist(), table["tag"].tolist(), table["value"].tolist(), strict=True
            ):
                slots[slot] = (tag, value)
        slots.update(self.recording.slot_changes(self._block, frame, self._limit))
        return {slot: raw for slot, raw in slots.items() if raw[0] != Tag.NOTHING}


class ThreadState:
    """One thread at one moment."""

    def __init__(self, state: State, number: int, stack: list[Entry]) -> None:
        self.state = state
        self.id = number
        self.name = state.recording.thread_name(number)
        self.frames = [FrameState(state, number, depth, entry) for depth, entry in enumerate(stack)]
        """Outermost first."""

    def to_json(self, document: Document | None = None) -> dict[str, Any]:
        """One of the threads of `state --json`."""
        document = document or Document()
        return {
            "id": self.id,
            "name": self.name,
            "frames": [frame.to_json(document) for frame in self.frames],
        }


class FrameState:
    """One frame at one moment."""

    def __init__(self, state: State, thread: int, depth: int, entry: Entry) -> None:
        self.state = state
        self.thread = thread
        self.depth = depth
        self.id = entry.frame
        self.site = entry.site
        self.code = state.recording.code(entry.code)
        self._raw: dict[int, Raw] | None = None
        self._variables: Variables | None = None

    @property
    def function(self) -> str:
        """The qualified name of the code object."""
        return self.code.qualname

    @property
    def file(self) -> str:
        """The source file."""
        return self.code.file

    @property
    def line(self) -> int:
        """The last line that ran, or the function's first line where none has."""
        return self.state.recording.line_of(self.site) if self.site else self.code.first_line

    @property
    def slots(self) -> dict[int, Raw]:
        """The frame's slots as they are stored."""
        if self._raw is None:
            self._raw = self.state.raw_variables(self.id, self.code)
        return self._raw

    @property
    def variables(self) -> Variables:
        """The variables by name, in the order of the code's slots; a module's are its globals."""
        if self._variables is None:
            self._variables = Variables(self.state.view, self._read())
        return self._variables

    @property
    def namespace(self) -> Value | None:
        """The globals as a mapping; None where they were not recorded."""
        # A class body's own namespace is that of the class to be.
        raw = self.slots.get(NO_SLOT) if self.code.flags.get("body") == "module" else None
        if raw is None:
            number = self.state.recording.store.module_namespace(self.code.module)
            if number is None:
                return None
            raw = (int(Tag.OBJECT), number)
        return Value(self.state.view, raw)

    def globals(self) -> Variables:
        """The module's variables that the frame can see."""
        return Variables(self.state.view, self._namespace_entries(self.namespace))

    def diff(self, other: FrameState) -> list[Change]:
        """What differs between two frames, by structure: equal values in other objects are equal."""
        from escope.engine.replay.diff import diff_frames

        return diff_frames(self, other)

    def to_json(self, document: Document | None = None) -> dict[str, Any]:
        """One of the frames of `state --json`."""
        document = document or Document()
        return {
            "id": self.id,
            "function": self.function,
            "file": self.file,
            "line": self.line,
            "variables": {name: document.value(value, 0) for name, value in self.variables.items()},
        }

    def _read(self) -> dict[str, Raw]:
        found: dict[str, Raw] = {}
        names = self.code.variables
        slots = self.slots
        if NO_SLOT in slots:
            found.update(self._namespace_entries(Value(self.state.view, slots[NO_SLOT])))
        cells = self.code.cells
        for slot in sorted(slots):
            if slot >= len(names):
                continue
            raw = slots[slot]
            if slot in cells and raw[0] == Tag.OBJECT:
                content = self.state.view.content(raw[1])
                if content is not None and content.shape is Shape.CELL:
                    if not content.items or content.items[-1][0] == Tag.NOTHING:
                        continue
                    raw = content.items[-1]
            if slot in cells and names[slot] in found:
                continue  # a class body's own name hides the variable around it
            found[names[slot]] = raw
        return found

    @staticmethod
    def _namespace_entries(namespace: Value | None) -> dict[str, Raw]:
        content = None if namespace is None else namespace.content
        if content is None:
            return {}
        return {
            name: raw
            for name, (_, raw) in content.entries.items()
            if isinstance(name, str) and name != "__builtins__"
        }


class Variables(Mapping[str, Value]):
    """Names to values, lazily."""

    def __init__(self, view: View, raws: dict[str, Raw]) -> None:
        self._view = view
        self.raws = raws

    def __getitem__(self, name: str) -> Value:
        return Value(self._view, self.raws[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.raws)

    def __len__(self) -> int:
        return len(self.raws)
