"""The control page: a mapped file through which program, player, collector and launcher talk.

Words are u64 at fixed places, each written by one side only; texts lie behind them, guarded by a
version word that is odd while its one writer is at work.  Standard library only: the recorded
program uses it.
"""

from __future__ import annotations

import json
import os
import signal
from enum import IntEnum
from time import monotonic_ns
from typing import Any

from escope.errors import RecordingError, UsageError
from escope.storage.process import create_file, map_file, process_alive

_MAGIC = int.from_bytes(b"ESCCTRL\n", "little")
_VERSION = 1
_PAGE = 4096
_PREDICATES = (_PAGE, 65_536)
_PREDICATE_ERROR = (_PAGE + 65_536, 4096)
_FAILURE = (_PAGE + 69_632, 2048)
_DETACH = (_PAGE + 71_680, 2048)
_SIZE = _PAGE + 73_728
_PLAYER_NS = 3_000_000_000


class ProgramState(IntEnum):
    """What the recorded program is doing."""

    STARTING = 0
    RUNNING = 1
    PAUSED = 2
    ENDED = 3
    DETACHED = 4


class PauseReason(IntEnum):
    """Why the program is paused."""

    NONE = 0
    REQUEST = 1
    STEP = 2
    HIT = 3


class Command(IntEnum):
    """What the player wants of the program."""

    RUN = 0
    PAUSE = 1
    STEP_INTO = 2
    STEP_OVER = 3
    STEP_OUT = 4


class Stage(IntEnum):
    """What the collector is doing."""

    STARTING = 0
    DRAINING = 1
    SEALING = 2
    SEALED = 3
    FAILED = 4


class _Word:
    """A u64 of the page as an attribute."""

    def __init__(self, index: int) -> None:
        self._index = index

    def __get__(self, control: Control, owner: type[Control] | None = None) -> int:
        return control._words[self._index]

    def __set__(self, control: Control, value: int) -> None:
        control._words[self._index] = value


class Control:
    """One mapping of a control file."""

    # The program writes these …
    program_pid = _Word(16)
    program_state = _Word(17)
    paused_thread = _Word(18)
    paused_seq = _Word(19)
    pause_reason = _Word(20)
    hit_number = _Word(21)
    ack = _Word(22)
    """Number of the last request handled."""
    events = _Word(23)
    """Events put so far."""
    program_beat = _Word(24)
    dropped = _Word(25)
    """Events that could not be put and are reported as dropped."""
    predicates_ack = _Word(26)
    """Version of the predicates in force."""
    _predicate_error_version = _Word(27)
    _detach_version = _Word(28)
    never_started = _Word(29)
    """1 once it is clear that there is no program to run: it does not compile, or is not there."""
    began = _Word(30)
    """When the program's stream began, as `time.monotonic_ns` says; the same clock for all processes."""

    # … the player these …
    _request = _Word(48)
    _command = _Word(49)
    player_pid = _Word(50)
    player_beat = _Word(51)
    predicates_version = _Word(52)
    """Grows by 2 with every change; odd while one is being written."""

    # … the collector these …
    collector_pid = _Word(80)
    collector_beat = _Word(81)
    stored_events = _Word(82)
    stage = _Word(83)
    _failure_version = _Word(84)
    awaited = _Word(85)
    """Other processes that sealing waits for, once the program itself has ended."""

    # … and the launcher these.
    _exit_status = _Word(112)
    _exit_known = _Word(113)
    stop_request = _Word(114)
    launcher_pid = _Word(115)

    def __init__(self, path: str | os.PathLike[str], *, readonly: bool = False) -> None:
        self._map = map_file(path, "a control page", _SIZE, _SIZE, readonly=readonly)
        self._view = memoryview(self._map)
        self._words = self._view[:_PAGE].cast("Q")
        if self._words[0] != _MAGIC or self._words[1] != _VERSION:
            self.close()
            raise RecordingError(f"{os.fspath(path)}: not a control page: wrong magic or version")

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Control:
        """Make the file (0600) and map it; OSError if it exists or has no room."""
        header = _MAGIC.to_bytes(8, "little") + _VERSION.to_bytes(8, "little")
        create_file(path, _SIZE, header)
        return cls(path)

    @classmethod
    def attach(cls, path: str | os.PathLike[str], *, readonly: bool = False) -> Control:
        """Map an existing page; RecordingError if it is not one."""
        return cls(path, readonly=readonly)

    def close(self) -> None:
        """Unmap the file."""
        self._words.release()
        self._view.release()
        self._map.close()

    # -- requests ---------------------------------------------------------------------------------

    def send(self, command: Command) -> int:
        """The player asks for `command`; returns the request's number, which `ack` will echo."""
        self._command = int(command)
        number = self._request + 1
        self._request = number
        return number

    @property
    def memory(self) -> memoryview:
        """The words of the page, for a program that reads them without a call."""
        return self._words

    @property
    def request(self) -> int:
        """Number of the newest request; 0 before the first."""
        return self._request

    @property
    def command(self) -> Command:
        """What the newest request asks for."""
        value = self._command
        return Command(value) if value <= Command.STEP_OUT else Command.RUN

    def beat_player(self) -> None:
        """The player says that it is there."""
        self.player_pid = os.getpid()
        self.player_beat = monotonic_ns()

    def player_alive(self) -> bool:
        """Whether a player's process runs and has beaten in the last 3 seconds."""
        pid = self.player_pid
        return bool(pid and monotonic_ns() - self.player_beat < _PLAYER_NS and process_alive(pid))

    # -- how the program ended --------------------------------------------------------------------

    def set_exit(self, status: int) -> None:
        """The launcher says how the program ended: as `subprocess` does, negative for a signal."""
        self._exit_status = status & 0xFFFF_FFFF_FFFF_FFFF
        self._exit_known = 1

    @property
    def exit_known(self) -> bool:
        """Whether the launcher has said how the program ended."""
        return bool(self._exit_known)

    @property
    def exit_status(self) -> int | None:
        """The program's exit status, negative for a signal; None while it is not known."""
        if not self._exit_known:
            return None
        value = self._exit_status
        return value - (1 << 64) if value >> 63 else value

    def exit_text(self) -> int | str | None:
        """The exit status as the manifest holds it: a number, ``signal:9``, None if unknown."""
        status = self.exit_status
        return None if status is None else exit_text(status)

    def exit_name(self) -> str | None:
        """The name of the signal that ended the program, if one did."""
        status = self.exit_status
        if status is None or status >= 0:
            return None
        try:
            return signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"

    # -- texts ------------------------------------------------------------------------------------

    def set_predicates(self, predicates: list[dict[str, Any]]) -> int:
        """The player replaces the list; returns the version that `predicates_ack` will echo.

        Raises UsageError where their text exceeds 64 KiB.
        """
        data = json.dumps(predicates).encode()
        if len(data) > _PREDICATES[1] - 8:
            raise UsageError(f"the predicates take {len(data)} bytes; at most 65528 are possible")
        self.predicates_version = self.predicates_version | 1
        self._write(_PREDICATES, data)
        self.predicates_version = self.predicates_version + 1
        return self.predicates_version

    def predicates(self) -> tuple[int, list[dict[str, Any]]] | None:
        """The version and the list of predicates; None while they are being written."""
        for _ in range(100):
            version = self.predicates_version
            if version & 1:
                continue
            data = self._read(_PREDICATES)
            if self.predicates_version == version:
                try:
                    found = json.loads(data) if data else []
                except ValueError:
                    return None
                if isinstance(found, list) and all(isinstance(one, dict) for one in found):
                    return version, found
                return None
        return None

    @property
    def predicate_error(self) -> str:
        """What the program has to say about the predicates in force; empty if they are all well."""
        return self._text(_PREDICATE_ERROR, 27)

    @predicate_error.setter
    def predicate_error(self, text: str) -> None:
        self._set_text(_PREDICATE_ERROR, 27, text)

    @property
    def detach_reason(self) -> str:
        """Why the program's recorder detached; empty if it did not."""
        return self._text(_DETACH, 28)

    @detach_reason.setter
    def detach_reason(self, text: str) -> None:
        self._set_text(_DETACH, 28, text)

    @property
    def failure(self) -> str:
        """Why the collector stores nothing more; empty if it does."""
        return self._text(_FAILURE, 84)

    @failure.setter
    def failure(self, text: str) -> None:
        self._set_text(_FAILURE, 84, text)

    def _set_text(self, area: tuple[int, int], word: int, text: str) -> None:
        self._words[word] |= 1
        self._write(area, text.encode("utf-8", "replace")[: area[1] - 8])
        self._words[word] += 1

    def _text(self, area: tuple[int, int], word: int) -> str:
        for _ in range(100):
            version = self._words[word]
            if not version & 1:
                data = self._read(area)
                if self._words[word] == version:
                    return data.decode("utf-8", "replace")
        return ""

    def _write(self, area: tuple[int, int], data: bytes) -> None:
        start = area[0]
        self._view[start + 8 : start + 8 + len(data)] = data
        self._view[start : start + 8] = len(data).to_bytes(8, "little")

    def _read(self, area: tuple[int, int]) -> bytes:
        start, size = area
        length = int.from_bytes(self._view[start : start + 8], "little")
        return bytes(self._view[start + 8 : start + 8 + min(length, size - 8)])


def exit_text(status: int) -> int | str:
    """An exit status, negative for a signal, as the manifest holds it: a number, or ``signal:9``."""
    return status if status >= 0 else f"signal:{-status}"
