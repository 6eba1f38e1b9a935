"""Ending with the status of a program that was run."""

from __future__ import annotations

import os
import signal


def end_as(status: int) -> int:
    """Return `status`; where it is negative, end this process by that signal as the program ended.

    Where the signal does not end a process, 128 and its number is returned, as shells put it.
    """
    if status >= 0:
        return status
    number = -status
    try:
        import resource

        # The program has left its core dump, if it was to leave one.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    except (OSError, ValueError):
        pass
    return 128 + number
