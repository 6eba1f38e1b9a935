"""`record`: runs the program in the place of the command, and says at the end what was recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from time import monotonic

from escope.engine.launch.cache import cache_folder
from escope.engine.launch.narration import narrate
from escope.engine.launch.options import RecordOptions
from escope.engine.launch.program import current_mask, program_command
from escope.engine.launch.wiring import Wiring
from escope.errors import UsageError

FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_WATCHED = {*FORWARDED, signal.SIGCHLD}


def supervise(options: RecordOptions) -> int:
    """Run and record; return the program's exit status, negative for the signal that ended it.

    The signals of a terminal reach the program by themselves, it is in the same process group; those that
    other processes send to this one are passed on.  Raises UsageError where nothing can be started.
    """
    options.check()
    argv = ["-m", options.target] if options.module else [options.target]
    mask = current_mask()
    # Blocked until they are waited for, so that none is lost between two steps of the start.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        wiring = Wiring.make(options, argv=[*argv, *options.arguments])
        begun = monotonic()
        command = program_command(options, wiring.output.part, mask, cache=cache_folder())
        try:
            # Descriptors that this command has inherited are the program's.
            program = subprocess.Popen(command, close_fds=False)
        except OSError as error:
            wiring.abandon()
            raise UsageError(f"cannot run {sys.executable!r}: {error.strerror}") from None
        status = _wait(program)
        seconds = monotonic() - begun
        wiring.ended(status)
        narrate(wiring, seconds, wiring.wait_for_seal(_a_while))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return status


def _wait(program: subprocess.Popen[bytes]) -> int:
    """Return the program's status once it has ended, passing signals on to it."""
    while True:
        # Asked first: a child that ended before its signal was blocked has left none.
        status = program.poll()
        if status is not None:
            return status
        info = signal.sigtimedwait(_WATCHED, 5.0)
        if info is not None and info.si_signo in FORWARDED and info.si_code <= 0:
            try:
                os.kill(program.pid, info.si_signo)
            except ProcessLookupError:
                pass


def _a_while() -> bool:
    """Let half a second pass at most; True if a signal says that this is long enough."""
    info = signal.sigtimedwait(_WATCHED, 0.5)
    return info is not None and info.si_signo in FORWARDED
