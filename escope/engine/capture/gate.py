"""Where the program stops for the player: pause, steps, breakpoints on predicates.

A stopped thread waits in its line probe with the GIL released; every other thread stops at its own next line.
When the player is gone the program runs on.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from typing import TYPE_CHECKING

from escope.engine.capture import frame_events
from escope.engine.capture.live import LiveFrame
from escope.engine.predicate import Breakpoint, parse_breakpoints
from escope.errors import PredicateError
from escope.storage.control import Command, Control, PauseReason, ProgramState

if TYPE_CHECKING:
    from escope.engine.capture.frames import FrameRecord, ThreadRecord
    from escope.engine.capture.probes import Probe
    from escope.engine.capture.recorder import Recorder

_POLL_SECONDS = 0.002
_STEPS = (Command.STEP_INTO, Command.STEP_OVER, Command.STEP_OUT)


class Gate:
    """The program's side of the control page."""

    def __init__(self, recorder: Recorder, control: Control, predicates: tuple[str, ...]) -> None:
        self._recorder = recorder
        self._control = control
        self._own = [{"number": number, "text": text} for number, text in enumerate(predicates, 1)]
        self._breakpoints: list[Breakpoint] = parse_breakpoints(self._own)
        self._version = 0
        self._seen = 0
        self._mode = Command.RUN
        self._step: tuple[int, int] = (0, 0)
        """Thread and depth that a step refers to."""
        self._stopped = False
        self._by_line: dict[int, list[Breakpoint]] = {}
        self._everywhere: list[Breakpoint] = []
        self._texts: dict[int, str] = {}
        """What each number that was listed in the recording stands for."""
        self.tell: Callable[[bool, int, int], None] | None = None
        """Called when it changes which lines are to be looked at, for a core that asks by itself."""
        for own in self._breakpoints:
            self._list(own)
        self._sort()

    def move(self, control: Control) -> None:
        """Go on with another control page, of which nothing was seen yet."""
        self._control = control
        self._version = self._seen = 0
        self._mode = Command.RUN
        self._stopped = False
        self._breakpoints = parse_breakpoints(self._own)
        self._sort()
        self.say()

    def say(self) -> None:
        """Tell the core what `attentive` would look at."""
        if self.tell is not None:
            watchful = bool(self._breakpoints or self._mode is not Command.RUN or self._stopped)
            self.tell(watchful, self._seen, self._version)

    def _list(self, each: Breakpoint) -> None:
        """Put the number on record; PredicateError where it stands for another text already."""
        known = self._texts.get(each.number)
        if known is None:
            self._texts[each.number] = each.text
            self._recorder.table.add_predicate(each.number, each.text)
        elif known != each.text:
            raise PredicateError(f"number {each.number} stands for {known!r}, not {each.text!r}")

    def attentive(self) -> bool:
        """Whether a line needs more than recording; the cheap question asked at every line."""
        control = self._control
        return bool(
            self._breakpoints
            or self._mode is not Command.RUN
            or self._stopped
            or control.request != self._seen
            or control.predicates_version != self._version
        )

    def at_line(self, probe: Probe, frame: types.FrameType) -> None:
        """Look at requests and breakpoints at a line moment that was just recorded; stop where they say."""
        recorder = self._recorder
        thread = recorder.own_thread()
        if thread is None or not thread.stack:
            return
        self._read_requests(thread)
        reason = self._reason(thread)
        hit = self._hit(probe, frame, thread.stack[-1])
        if hit:
            recorder.fire(frame_events.hit, hit)
            if self._control.player_alive():
                reason = PauseReason.HIT
                self._control.hit_number = hit
        self.say()
        if reason is not PauseReason.NONE or self._stopped:
            self._wait(thread, reason)

    def _read_requests(self, thread: ThreadRecord) -> None:
        control = self._control
        if control.predicates_version != self._version:
            self._read_predicates()
        number = control.request
        if number != self._seen:
            self._seen = number
            self._take(control.command, thread)
            control.ack = number

    def _take(self, command: Command, thread: ThreadRecord) -> None:
        self._mode = command
        if command in _STEPS:
            self._step = (thread.number, len(thread.stack))

    def _read_predicates(self) -> None:
        control = self._control
        found = control.predicates()
        if found is None:
            return
        self._version, wanted = found
        breakpoints: list[Breakpoint] = []
        problems = []
        for each in wanted:
            try:
                (parsed,) = parse_breakpoints([each])
                self._list(parsed)
                breakpoints.append(parsed)
            except PredicateError as error:
                problems.append(str(error))
        self._breakpoints = parse_breakpoints(self._own) + breakpoints
        self._sort()
        control.predicate_error = "; ".join(problems)
        control.predicates_ack = self._version

    def _sort(self) -> None:
        self._everywhere = [each for each in self._breakpoints if each.line is None]
        self._by_line = {}
        for each in self._breakpoints:
            if each.line is not None:
                self._by_line.setdefault(each.line, []).append(each)

    def _reason(self, thread: ThreadRecord) -> PauseReason:
        mode = self._mode
        if mode is Command.PAUSE:
            return PauseReason.REQUEST
        if mode in _STEPS and thread.number == self._step[0]:
            depth = len(thread.stack)
            if (
                mode is Command.STEP_INTO
                or (mode is Command.STEP_OVER and depth <= self._step[1])
                or (mode is Command.STEP_OUT and depth < self._step[1])
            ):
                return PauseReason.STEP
        return PauseReason.NONE

    def _hit(self, probe: Probe, frame: types.FrameType, record: FrameRecord) -> int:
        """Number of the first breakpoint that is hit here, 0 if none."""
        hit = 0
        values: LiveFrame | None = None
        for each in self._by_line.get(probe.line, ()):
            if not _is_file(probe.code.file, each.file or ""):
                continue
            if each.predicate is None:
                hit = hit or each.number
            else:
                values = values or LiveFrame(frame)
                if each.predicate.holds(values):
                    hit = hit or each.number
        for each in self._everywhere:
            if each.predicate is None:
                continue
            values = values or LiveFrame(frame)
            holds = each.predicate.holds(values)
            if record.truths is None:
                record.truths = {}
            if holds and not record.truths.get(each.number):
                hit = hit or each.number
            record.truths[each.number] = holds
        return hit

    def _wait(self, thread: ThreadRecord, reason: PauseReason) -> None:
        control = self._control
        first = not self._stopped
        if first:
            self._stopped = True
            self._mode = Command.PAUSE
            control.paused_thread = thread.number
            control.paused_seq = self._recorder.ledger.encoder.events - 1
            control.pause_reason = reason
            control.program_state = ProgramState.PAUSED
            self.say()
        try:
            while self._recorder.on and (first or self._stopped):
                if not control.player_alive():
                    self._mode = Command.RUN
                    break
                if first:
                    number = control.request
                    if number != self._seen:
                        self._seen = number
                        self._take(control.command, thread)
                        control.ack = number
                        if self._mode is not Command.PAUSE:
                            break
                    if control.predicates_version != self._version:
                        self._read_predicates()
                time.sleep(_POLL_SECONDS)
        finally:
            if first:
                self._stopped = False
                control.pause_reason = PauseReason.NONE
                self.say()
                if self._recorder.on:
                    control.program_state = ProgramState.RUNNING


def _is_file(path: str, wanted: str) -> bool:
    """Whether `wanted` names the file `path`: whole, or by its last parts."""
    return path == wanted or path.endswith("/" + wanted)
