"""Launching: the processes of a recording, and how they are wired together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escope.engine.launch.options import RecordOptions

if TYPE_CHECKING:
    from escope.engine.launch.session import Session

__all__ = ["RecordOptions", "debug_session", "record"]


def record(options: RecordOptions) -> int:
    """Run and record; return the program's exit status, negative for the signal that ended it.

    Raises UsageError where nothing can be started.
    """
    from escope.engine.launch.supervise import supervise

    return supervise(options)


def debug_session(options: RecordOptions, rows: int = 24, columns: int = 80) -> Session:
    """Start the program on a terminal of its own; return the running session.

    Raises UsageError where nothing can be started.
    """
    from escope.engine.launch.session import Session

    return Session.start(options, rows, columns)
