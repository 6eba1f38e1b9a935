"""`escope record`."""

from __future__ import annotations

from escope.cli.running import program_command
from escope.engine.launch.options import RecordOptions


def record(options: RecordOptions) -> int:
    """Run a program and record it.

    The program runs as it would without escope: its output, its input, its exit status are its own.
    The recording goes to FILE; one line about it appears on standard error at the end.
    """
    from escope.cli.status import end_as
    from escope.engine import launch

    return end_as(launch.record(options))


command = program_command(record)
