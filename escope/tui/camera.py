"""Takes pictures: turns a moment of a recording into the plain data that the widgets show."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from escope.tui.event_text import event_line, exception_text, short_name
from escope.tui.highlight import highlight
from escope.tui.names import Reference, SourceNames
from escope.tui.picture import (
    EventLine,
    Flow,
    FrameLine,
    Picture,
    SourcePart,
    SourceText,
    ThreadLine,
)
from escope.tui.plain import plain
from escope.tui.reader import Token
from escope.tui.tree import Tree
from escope.tui.view import View

if TYPE_CHECKING:
    from escope.engine.replay.event import Event
    from escope.engine.replay.recording import Recording
    from escope.engine.replay.state import FrameState, State, ThreadState
    from escope.engine.replay.value import Value

FILES_KEPT = 30
STATES_KEPT = 8
NEAR = 50
"""Events looked at for a place where no frame runs."""
BESIDE = 28
"""Characters of one value beside a line."""


class Camera:
    """Takes `Picture`s of one recording.  Used by one thread at a time."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._lines: OrderedDict[str, list[str]] = OrderedDict()
        self._texts: OrderedDict[str, SourceText] = OrderedDict()
        self._names: OrderedDict[str, SourceNames] = OrderedDict()
        self._states: OrderedDict[int, State] = OrderedDict()
        self.flow: tuple[tuple[int, int], Flow] | None = None
        """The last flow, and the code object and number of events it was counted for."""

    def take(self, view: View, token: Token | None = None) -> Picture:
        """The picture at `view.seq`.  Raises Cancelled where it is not wanted any more."""
        token = token or Token()
        state = self.state(view.seq)
        event = self.recording.event(view.seq)
        token.check()
        shown = self._thread(state, event, view.thread)
        frame = None
        index = -1
        if shown is not None and shown.frames:
            index = max(0, len(shown.frames) - 1 - view.up)
            frame = shown.frames[index]
        before = self._before(view, frame)
        token.check()
        tree = Tree(frame, before, view.expanded, view.grown) if frame is not None else None
        rows = tree.rows() if tree is not None else ()
        token.check()
        return Picture(
            seq=view.seq,
            time_ns=event.time_ns,
            event=self.event_line(event),
            event_thread=event.thread,
            threads=tuple(self._thread_line(thread, event) for thread in state.threads),
            thread=shown.id if shown is not None else event.thread,
            frame=index,
            source=self._shown_source(view, frame, event),
            rows=rows,
            changes=tree.changes if tree is not None and before is not None else -1,
        )

    def state(self, seq: int) -> State:
        """The state at `seq`; the last ones are kept."""
        state = self._states.get(seq)
        if state is None:
            state = self._states[seq] = self.recording.at(seq)
            while len(self._states) > STATES_KEPT:
                self._states.popitem(last=False)
        return state

    def event_line(self, event: Event) -> EventLine:
        """The line of the event list about `event`."""
        return event_line(event, self.lines(event.file) if event.kind == "line" else ())

    def lines(self, file: str | None) -> list[str]:
        """The lines of a source file as it was recorded; empty where it was not."""
        if file is None:
            return []
        lines = self._lines.get(file)
        if lines is None:
            lines = self.recording.source_lines(file)
            if lines and not lines[-1]:
                lines = lines[:-1]
            # A file may have been announced before its source was written.
            if lines:
                self._lines[file] = lines
                _trim(self._lines)
        return lines

    def text(self, file: str) -> SourceText:
        """A source file, coloured."""
        text = self._texts.get(file)
        if text is None:
            lines = self.lines(file)
            text = SourceText(file, tuple(highlight(lines)))
            if lines:
                self._texts[file] = text
                _trim(self._texts)
        return text

    def _thread(self, state: State, event: Event, wanted: int | None) -> ThreadState | None:
        threads = {thread.id: thread for thread in state.threads}
        for number in (wanted, event.thread):
            if number is not None and number in threads:
                return threads[number]
        return next(iter(threads.values()), None)

    def _before(self, view: View, frame: FrameState | None) -> FrameState | None:
        if frame is None or view.previous is None or view.previous == view.seq:
            return None
        if not 0 <= view.previous < self.recording.event_count:
            return None
        return self.state(view.previous).frame(frame.id)

    @staticmethod
    def _thread_line(thread: ThreadState, event: Event) -> ThreadLine:
        frames = tuple(
            FrameLine(frame.id, short_name(frame.function), frame.file, frame.line)
            for frame in thread.frames
        )
        return ThreadLine(thread.id, plain(thread.name), thread.id == event.thread, frames)

    def _shown_source(
        self, view: View, frame: FrameState | None, event: Event
    ) -> SourcePart | None:
        if view.file is not None and (frame is None or view.file != frame.file):
            return SourcePart(self.text(view.file), line=0, innermost=False)
        if frame is not None:
            return self._source(frame, event, view.up == 0)
        # Before the first frame and after the last: where it begins, or ended.
        near = self._near(event)
        if near is None or near.file is None:
            return None
        return SourcePart(self.text(near.file), line=0, innermost=False, near=near.line or 0)

    def _near(self, event: Event) -> Event | None:
        recording, seq = self.recording, event.seq
        before = recording.events(max(0, seq - NEAR), seq + 1, backward=True)
        after = recording.events(seq, seq + NEAR)
        return next((one for one in chain(before, after) if one.file is not None), None)

    def _source(self, frame: FrameState, event: Event, innermost: bool) -> SourcePart:
        code = frame.code
        raising = ""
        if event.kind in ("raise", "unwind") and innermost:
            value = event.value
            if value is not None and (event.kind == "unwind" or event.frame == frame.id):
                raising = exception_text(value)
        return SourcePart(
            text=self.text(frame.file),
            line=frame.line,
            innermost=innermost,
            first=code.first_line,
            last=code.last_line,
            values=self._values(frame),
            raising=raising,
        )

    def _values(self, frame: FrameState) -> Mapping[int, str]:
        """What stands beside the lines: names on the line itself, and what the others store."""
        names = self._names.get(frame.file)
        if names is None:
            names = self._names[frame.file] = SourceNames(self.lines(frame.file))
            _trim(self._names)
        found: dict[int, str] = {}
        code = frame.code
        cache: dict[Reference, str] = {}
        if code.flags.get("body") != "module":
            for line, stored in names.stored_between(code.first_line, code.last_line):
                text = self._beside(frame, stored.stored, cache)
                if text:
                    found[line] = text
        here = names.on(frame.line)
        if here is not None:
            found[frame.line] = self._beside(frame, here.used, cache)
        return found

    def _beside(
        self, frame: FrameState, references: list[Reference], cache: dict[Reference, str]
    ) -> str:
        parts: list[str] = []
        for reference in references:
            # Of `rows.append` no attribute is known, but `rows` is.
            for length in range(len(reference), 0, -1):
                one = reference[:length]
                if one not in cache:
                    value = self._look_up(frame, one)
                    cache[one] = "" if value is None else plain(value.summary(BESIDE))
                if cache[one]:
                    text = f"{plain('.'.join(one))} = {cache[one]}"
                    if text not in parts:
                        parts.append(text)
                    break
        return "   ".join(parts)

    @staticmethod
    def _look_up(frame: FrameState, reference: Reference) -> Value | None:
        from escope.storage.rows import Shape

        variables = frame.variables
        if reference[0] in variables:
            value = variables[reference[0]]
        elif reference[0] in (visible := frame.globals()):
            value = visible[reference[0]]
        else:
            return None
        for name in reference[1:]:
            attribute = value.attribute(name)
            if attribute is None:
                return None
            value = attribute
        # That `len` is a function and `os` a module is no news beside a line.
        return None if value.shape is Shape.NAMED else value


def _trim(cache: OrderedDict[str, Any]) -> None:
    while len(cache) > FILES_KEPT:
        cache.popitem(last=False)
