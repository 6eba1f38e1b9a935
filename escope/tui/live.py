"""The player's hold on a running program: its terminal, its state, and what drives it."""

from __future__ import annotations

import os
import queue
import selectors
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from escope.storage.control import PauseReason, ProgramState, Stage
from escope.tui.console import Console
from escope.tui.messages import ProgramChanged, TerminalChanged

if TYPE_CHECKING:
    from escope.engine.launch.session import Session

FRAME = 1 / 30
"""Seconds between two looks at the program's screen."""
POLL = 0.1
STOP_PATIENCE = 2.0
"""Seconds that the program has to end after being asked to, before it is killed."""


class Live:
    """One running program.  Its terminal is read by a thread of its own."""

    def __init__(self, session: Session, post: Callable[[Message], object]) -> None:
        self.session = session
        self.console = Console(24, 80, self.type)
        self._post = post
        self._typed: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._seen: tuple[object, ...] = ()
        self._threads = [
            threading.Thread(target=self._read, name="escope-terminal", daemon=True),
            threading.Thread(target=self._write, name="escope-typing", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # -- what is going on -------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the program is still there."""
        return self.session.running

    @property
    def paused(self) -> bool:
        """Whether it waits for the player."""
        return self.session.state is ProgramState.PAUSED

    @property
    def driven(self) -> bool:
        """Whether steps can drive it: it is there, and still recorded."""
        return self.running and self.session.state is not ProgramState.DETACHED

    def badge(self) -> tuple[str, str]:
        """What the top line says of the program, and the kind of it."""
        control = self.session.control
        status = self.session.poll()
        if not self.session.running:
            if status is None:
                return "■ ended", "ended"
            if status < 0:
                return f"■ {control.exit_name() or 'killed'}", "failed"
            return f"■ ended, status {status}", "failed" if status else "ended"
        state = self.session.state
        if state is ProgramState.PAUSED:
            reason = control.pause_reason
            if reason == PauseReason.HIT:
                return f"⏸ hit: {self._hit_text(control.hit_number)}", "paused"
            return "⏸ paused", "paused"
        if state is ProgramState.DETACHED:
            return "● running, not recorded", "failed"
        if control.stage == Stage.FAILED:
            return f"● running, not stored: {control.failure}", "failed"
        return "● running", "running"

    def problem(self) -> str:
        """What the program says about the conditions that were set; empty: all well."""
        return self.session.control.predicate_error

    def changed(self) -> bool:
        """Whether the program's state is another than at the last call."""
        control = self.session.control
        now = (
            self.session.state,
            control.paused_seq,
            control.pause_reason,
            control.hit_number,
            control.stage,
            self.session.poll(),
            control.predicate_error,
        )
        if now == self._seen:
            return False
        self._seen = now
        return True

    # -- driving ----------------------------------------------------------------------------------

    def type(self, data: bytes) -> None:
        """Type on the program's terminal."""
        self._typed.put(data)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        self.console.resize(rows, columns)
        self.session.resize(rows, columns)
        self._post(TerminalChanged())

    def set_predicates(self, texts: list[str]) -> None:
        """Replace what pauses the program."""
        self.session.set_predicates(texts)

    def stop(self) -> None:
        """End the program: ask, then kill.  Takes up to some seconds; not for the UI's thread."""
        self.session.terminate()
        if self.session.wait(STOP_PATIENCE) is None and self.session.running:
            self.session.kill()
            self.session.wait(STOP_PATIENCE)

    def close(self) -> None:
        """Let go of the program; where it still runs, it runs on."""
        self._closing.set()
        self._typed.put(None)
        for thread in self._threads:
            thread.join(timeout=1)
        self.session.close()

    def _hit_text(self, number: int) -> str:
        return self.session.predicate_text(number) or f"condition {number}"

    # -- threads ----------------------------------------------------------------------------------

    def _read(self) -> None:
        fd = self.session.pty_fd
        shown = 0.0
        dirty = False
        polled = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(fd, selectors.EVENT_READ)
            opened = True
            while not self._closing.is_set():
                if opened and selector.select(FRAME):
                    try:
                        data = os.read(fd, 65_536)
                    except OSError:
                        data = b""
                    if data:
                        self.console.feed(data)
                        dirty = True
                    else:
                        # The program and its children are gone from the terminal.
                        selector.unregister(fd)
                        opened = False
                elif not opened:
                    self._closing.wait(POLL)
                now = time.monotonic()
                if dirty and now - shown >= FRAME:
                    self._post(TerminalChanged())
                    dirty, shown = False, now
                if now - polled >= POLL:
                    polled = now
                    if self.changed():
                        self._post(ProgramChanged())

    def _write(self) -> None:
        while (data := self._typed.get()) is not None:
            self.session.write(data)
