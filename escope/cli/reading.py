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
from escope.errors import RecordingError
from escope.tui.plain import plain

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording

FILE = click.argument("file", type=click.Path())
JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
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


def seconds(time_ns: int) -> str:
    """Return a time since the beginning, in seconds to the microsecond."""
    return f"{time_ns / 1e9:.6f}"


def place(file: str | None, line: int | None, function: str | None) -> str:
    """Return where something happened, the file without its directories."""
    if file is None:
        return "-"
    name = plain(os.path.basename(file))
    return f"{name}:{line}" + (f" {plain(function)}" if function else "")
