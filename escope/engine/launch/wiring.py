"""The wiring of one recording: its directory, ring and control page, and the collector at work on them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic

from escope.config import StorageLimits
from escope.engine.launch.manifest import new_manifest, write_manifest
from escope.engine.launch.options import RecordOptions
from escope.engine.launch.output import Output, claim
from escope.engine.launch.program import own_command, own_environment
from escope.errors import UsageError
from escope.storage.control import Control, Stage
from escope.storage.ring import Ring


class Seal(Enum):
    """How the wait for the sealed file ended."""

    DONE = "done"
    LEFT = "left"
    """The collector is at work still."""
    AWAITS = "awaits"
    """Other processes of the program run on, and are recorded to their end."""


_HUNG = 60.0
"""Seconds without a heartbeat after which the collector is no longer waited for."""
_STRAGGLERS = 1.0
"""Seconds that processes which outlive the program may take to end before they are left alone."""
LOG = "collector.log"
"""Where the collector's standard error goes; it goes away with the directory."""


class Wiring:
    """Holds the control page and the collector process of a recording that is being made."""

    def __init__(
        self, output: Output, control: Control, collector: subprocess.Popen[bytes]
    ) -> None:
        self.output = output
        self.control = control
        self.collector = collector

    @classmethod
    def make(cls, options: RecordOptions, *, argv: list[str], pid: int = 0) -> Wiring:
        """Claim the output, lay out its directory and start the collector.

        `pid` is the process that is recorded where it is there already.  Raises UsageError where the
        output cannot be made.
        """
        output = claim(options.name, options.output, options.force)
        try:
            manifest = new_manifest(argv, pid=pid, max_size=options.max_size)
            write_manifest(output.part, manifest)
            Ring.create(output.part / "ring", StorageLimits().ring).close()
            control = Control.create(output.part / "control")
            control.launcher_pid = os.getpid()
            collector = start_collector(output, options.max_size)
        except OSError as error:
            shutil.rmtree(output.part, ignore_errors=True)
            raise UsageError(f"cannot write {str(output.file)!r}: {error.strerror}") from None
        return cls(output, control, collector)

    def abandon(self) -> None:
        """Give the recording up before its program has begun."""
        self.collector.kill()
        self.collector.wait()
        self.control.close()
        shutil.rmtree(self.output.part, ignore_errors=True)

    def ended(self, status: int) -> None:
        """Tell the collector how the program ended, also one that never came to record anything."""
        self.control.set_exit(status)
        self.control.stop_request = 1

    def wait_for_seal(self, wait: Callable[[], bool]) -> Seal:
        """Wait until the collector is done; the program has ended.

        `wait` sleeps for half a second at most, and is true when the person does not want to wait.  What
        other processes of the program do after its end is waited for only for a moment.
        """
        control = self.control
        last, since = (control.collector_beat, control.stored_events), monotonic()
        waited: float | None = None
        while self.collector.poll() is None:
            if wait():
                return Seal.LEFT
            now = (control.collector_beat, control.stored_events)
            if control.awaited == 0:
                waited = None
            elif waited is None:
                waited = monotonic()
            elif monotonic() - waited > _STRAGGLERS:
                return Seal.AWAITS
            if now != last:
                last, since = now, monotonic()
            elif monotonic() - since > _HUNG:
                return Seal.LEFT
        return Seal.DONE

    def problem(self) -> str | None:
        """Return in one phrase why the recording is not whole, or None; call it when all is over."""
        status = self.collector.poll()
        control = self.control
        if control.failure:
            return control.failure
        if control.detach_reason:
            return control.detach_reason
        if control.stage == Stage.SEALED:
            return None
        if status is None:
            return None
        if status < 0:
            return f"the collector was ended by signal {-status}"
        return f"the collector failed with status {status}{self._last_words()}"

    def _last_words(self) -> str:
        try:
            lines = (self.output.part / LOG).read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return f": {lines[-1]}" if lines else ""


def start_collector(output: Output, max_size: int | None) -> subprocess.Popen[bytes]:
    """Start the collector of `output` in a session of its own; OSError if that is impossible."""
    command = own_command(
        "escope.storage.collector", str(output.part), "--seal-to", str(output.file)
    )
    if max_size is not None:
        command += ["--max-size", str(max_size)]
    log = os.open(output.part / LOG, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path("/"),
            env=own_environment(),
            start_new_session=True,
        )
    finally:
        os.close(log)
