"""What the commands that read a recording have in common: opening it, and writing what they found."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from escope.cli.output import put
from escope.errors import RecordingError, UsageError
from escope.tui.plain import plain

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording

FILE = click.argument("file", type=click.Path())
JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
PROCESS = click.option(
    "--process", type=click.IntRange(min=0), metavar="N", help="The process (see info; default: 0)."
)
WIDTH = 100
"""Columns for one value in text meant for people."""


@contextmanager
def opened(file: str) -> Iterator[Recording]:
    """Open the recording; RecordingError, with status 3, if it is none."""
    from escope.engine.replay.recording import Recording

    try:
        recording = Recording.open(file)
    except OSError as error:
        raise RecordingError(f"{file}: cannot be read: {error.strerror}") from None
    with recording:
        try:
            yield recording
        except OSError as error:
            # A place in the file that cannot be, or a medium that fails.
            if error.errno not in (errno.EINVAL, errno.EIO):
                raise
            raise RecordingError(f"{file}: cannot be read: {error.strerror}") from None


def write_json(document: Any) -> None:
    """Write one line of JSON in which no character can be a control of a terminal."""
    put(json.dumps(document).replace("\x7f", "\\u007f") + "\n")


def write(text: str) -> None:
    """Write one line for people; the caller has made recorded text in it safe."""
    put(text + "\n")


def position_text(process: int, seq: int) -> str:
    """Return a position as it is written: the seq alone in process 0, else with the process."""
    return f"{process}:{seq}" if process else str(seq)


def span(
    recording: Recording, process: int | None, *positions: str
) -> tuple[Recording, tuple[int, ...]]:
    """Return the process that the positions lie in, and their seqs; UsageError where they lie in several.

    A position that names no process is in the process of the others, else in `process`, else in 0.
    """
    from escope.engine.replay.positions import split

    named = {number for number, _ in map(split, positions) if number is not None}
    if process is not None:
        named.add(process)
    if len(named) > 1:
        raise UsageError(f"the positions are of different processes: {', '.join(positions)}")
    chosen = recording.process(named.pop() if named else 0)
    return chosen, tuple(chosen.position(split(text)[1]) for text in positions)


def seconds(time_ns: int) -> str:
    """Return a time since the beginning, in seconds to the microsecond."""
    return f"{time_ns / 1e9:.6f}"


def place(file: str | None, line: int | None, function: str | None) -> str:
    """Return where something happened, the file without its directories."""
    if file is None:
        return "-"
    name = plain(os.path.basename(file))
    return f"{name}:{line}" + (f" {plain(function)}" if function else "")
