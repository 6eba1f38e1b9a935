"""A live session: the program on a terminal of its own, and the player's hold on it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from escope.engine.launch.cache import cache_folder
from escope.engine.launch.options import RecordOptions
from escope.engine.launch.program import current_mask, own_command, program_command
from escope.engine.launch.wiring import Seal, Wiring
from escope.errors import UsageError
from escope.storage.control import Command, Control, ProgramState
from escope.storage.process import process_alive

STEPS = {"into": Command.STEP_INTO, "over": Command.STEP_OVER, "out": Command.STEP_OUT}
_BEAT = 0.5
_TERMINAL = "linux"
"""`TERM` inside: the player's emulator knows the sequences of the Linux console."""


class Session:
    """The player's side of a live session; `pty_fd` is the terminal that the program runs on."""

    def __init__(self, wiring: Wiring, pty_fd: int, keeper: subprocess.Popen[bytes]) -> None:
        self.wiring = wiring
        self.pty_fd = pty_fd
        self.pid = 0
        self.left = False
        """Whether the program was left to itself."""
        self.begun = monotonic()
        self.predicates: list[dict[str, Any]] = []
        """Those in force, as the control page lists them."""
        self._texts: list[str] = []
        """What each number stands for, in this recording for good; the first is 1."""
        self._keeper = keeper
        self._socket: socket.socket | None = None
        self._status: int | None = None
        self._ended: float | None = None
        self._over = threading.Event()

    @classmethod
    def start(cls, options: RecordOptions, rows: int = 24, columns: int = 80) -> Session:
        """Start the program on a new terminal of that size; return the running session.

        Raises UsageError where nothing can be started.
        """
        options.check()
        argv = ["-m", options.target] if options.module else [options.target]
        wiring = Wiring.make(options, argv=[*argv, *options.arguments])
        part = wiring.output.part
        # Before the program runs: its first predicate may hit at once, and waits only for a player.
        wiring.control.beat_player()
        # They go through the control page, so that the player can take them away again.
        predicates, texts = _numbered(options.break_when, [], [])
        wiring.control.set_predicates(predicates)
        bare = replace(options, break_when=())
        command = program_command(bare, part, current_mask(), cache=cache_folder(), terminal=True)
        master, slave = pty.openpty()
        mine, theirs = socket.socketpair()
        try:
            _set_size(master, rows, columns)
            descriptors = (master, slave, theirs.fileno())
            words = [str(part), *map(str, descriptors), *command]
            keeper = subprocess.Popen(
                own_command("escope.engine.launch.keeper", *words, isolated=True),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=descriptors,
                env=_environment(),
                start_new_session=True,
            )
            theirs.close()
            session = cls(wiring, master, keeper)
            session._socket = mine
            session._meet()
        except (OSError, UsageError) as error:
            wiring.abandon()
            os.close(master)
            mine.close()
            text = getattr(error, "strerror", None) or str(error) or "its keeper does not answer"
            raise UsageError(f"cannot run the program: {text}") from None
        finally:
            os.close(slave)
        session.predicates, session._texts = predicates, texts
        threading.Thread(target=session._beat, name="escope-beat", daemon=True).start()
        return session

    # -- what is going on -------------------------------------------------------------------------

    @property
    def recording_path(self) -> Path:
        """The recording, finished or not; every command finds the directory behind it."""
        return self.wiring.output.file

    @property
    def control(self) -> Control:
        """The page shared with the program."""
        return self.wiring.control

    @property
    def state(self) -> ProgramState:
        """What the program is doing, as it says itself; ENDED once it is known to be gone."""
        if self.poll() is not None or not self.running:
            return ProgramState.ENDED
        return ProgramState(self.control.program_state)

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while the program runs, or if unknown."""
        if self._status is None:
            self._status = self.control.exit_status
        return self._status

    @property
    def running(self) -> bool:
        """Whether the program is still there."""
        return self.poll() is None and process_alive(self.pid)

    @property
    def seconds(self) -> float:
        """How long the program has run, or ran as far as was seen."""
        if self._ended is None and not self.running:
            self._ended = monotonic()
        return (self._ended or monotonic()) - self.begun

    # -- driving it -------------------------------------------------------------------------------

    def pause(self) -> None:
        """Ask the program to stop before its next line."""
        self._send(Command.PAUSE)

    def run(self) -> None:
        """Let the program run on."""
        self._send(Command.RUN)

    def step(self, kind: str) -> None:
        """Let the paused program step `into`, `over` or `out`; UsageError for any other word."""
        if kind not in STEPS:
            raise UsageError(f"there is no step {kind!r}: into, over and out are the ones")
        self._send(STEPS[kind])

    def set_predicates(self, texts: Sequence[str]) -> None:
        """Replace the predicates that pause the program; UsageError where there is no room for them.

        One that stays keeps its number, any other gets a number that no predicate had before it.
        """
        predicates, known = _numbered(texts, self.predicates, self._texts)
        self.control.set_predicates(predicates)
        self.predicates, self._texts = predicates, known

    def predicate_text(self, number: int) -> str | None:
        """Return what the predicate `number` says, in force or not; None if there never was one."""
        return self._texts[number - 1] if 1 <= number <= len(self._texts) else None

    def write(self, data: bytes) -> None:
        """Type `data` on the program's terminal; dropped if nobody has it open any more."""
        while data:
            try:
                data = data[os.write(self.pty_fd, data) :]
            except OSError:
                return

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size; the program gets SIGWINCH."""
        try:
            _set_size(self.pty_fd, rows, columns)
        except OSError:
            pass  # the session is closed

    def interrupt(self) -> None:
        """Send SIGINT as Ctrl-C does: to the processes in the foreground of the terminal."""
        try:
            os.killpg(os.tcgetpgrp(self.pty_fd), signal.SIGINT)
        except OSError:
            self._signal(signal.SIGINT)
        self.run()

    def terminate(self) -> None:
        """Send SIGTERM to the program, and let it run so that it can act on it."""
        self._signal(signal.SIGTERM)
        self.run()

    def kill(self) -> None:
        """Send SIGKILL to the program."""
        self._signal(signal.SIGKILL)

    # -- the end ----------------------------------------------------------------------------------

    def leave(self) -> None:
        """Go: the program runs on to its end, its recording goes on, its terminal stays open."""
        self.left = self.running
        self._over.set()
        self.control.player_beat = 0
        self.run()
        self._hang_up()

    def wait(self, seconds: float) -> int | None:
        """Wait that long at most for the program's end; return as `poll` does."""
        until = monotonic() + seconds
        while self.running and monotonic() < until:
            sleep(0.02)
        # The keeper says the status a moment after the process is gone.
        while self.poll() is None and self._keeper.poll() is None and monotonic() < until:
            sleep(0.01)
        return self.poll()

    def wait_sealed(self, seconds: float) -> Seal:
        """Wait that long at most for the collector's end; return how that ended."""
        until = monotonic() + seconds

        def wait() -> bool:
            sleep(0.02)
            return monotonic() > until

        return self.wiring.wait_for_seal(wait)

    def close(self) -> None:
        """Let go of the terminal; a program that still runs is left to itself."""
        if not self._over.is_set():
            self.leave()

    def _meet(self) -> None:
        """Learn from the keeper how the start went; UsageError if it failed."""
        assert self._socket is not None
        self._socket.settimeout(20)
        with self._socket.makefile("rb") as lines:
            line = lines.readline()
        fact = json.loads(line) if line else {"error": "its keeper did not start"}
        if "error" in fact:
            raise UsageError(fact["error"])
        self.pid = int(fact["pid"])

    def _beat(self) -> None:
        while not self._over.wait(_BEAT):
            self.control.beat_player()
            _ = self.seconds  # notes the end

    def _send(self, command: Command) -> None:
        if not self._over.is_set():
            self.control.beat_player()
        self.control.send(command)

    def _signal(self, number: int) -> None:
        if not self.pid:
            return  # 0 stands for the whole process group of the player
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            os.close(self.pty_fd)


def _numbered(
    wanted: Iterable[str], before: list[dict[str, Any]], texts: list[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the predicates with their numbers, and the texts of all numbers so far.

    The recording names a hit by its number, so none may come to stand for another text.
    """
    texts = [*texts]
    numbers = {one["text"]: one["number"] for one in before}
    predicates = []
    for text in dict.fromkeys(wanted):
        if text not in numbers:
            texts.append(text)
        number = numbers.get(text, len(texts))
        predicates.append({"number": number, "text": text, "once": False})
    return predicates, texts


def _set_size(fd: int, rows: int, columns: int) -> None:
    size = struct.pack("HHHH", max(rows, 1), max(columns, 1), 0, 0)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)


def _environment() -> dict[str, str]:
    """Return the program's environment: this one, but for what describes the terminal."""
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    environment["TERM"] = _TERMINAL
    return environment
