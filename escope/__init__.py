"""escope: a time-travel debugger for Python that lives in the terminal.

`record` and `start` record this process, `open` opens a recording; everything else is imported when one of
them is called, so that importing escope costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from escope.engine.launch.inprocess import ProcessRecording
    from escope.engine.replay.recording import Recording

__version__ = "0.1.0"
__all__ = ["__version__", "open", "record", "start"]


def start(
    path: str | PathLike[str] | None = None,
    *,
    force: bool = False,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    break_when: tuple[str, ...] = (),
    max_size: int | None = None,
) -> ProcessRecording:
    """Begin to record this process; return the recording, whose `stop()` ends and seals it.

    Functions in scope that are loaded already are instrumented in place and restored at the end.  Raises
    `UsageError` where the recording cannot be made at `path`, or another one is being made.
    """
    from escope.engine.capture.own_builtins import own_builtins

    with own_builtins():
        from escope.engine.launch.inprocess import ProcessRecording
        from escope.engine.launch.options import RecordOptions

    options = RecordOptions(
        target="",
        output=None if path is None else str(path),
        force=force,
        include=tuple(include),
        exclude=tuple(exclude),
        break_when=tuple(break_when),
        max_size=max_size,
    )
    return ProcessRecording.start(options)


def record(
    path: str | PathLike[str] | None = None,
    *,
    force: bool = False,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    break_when: tuple[str, ...] = (),
    max_size: int | None = None,
) -> ProcessRecording:
    """Return a context manager that records this process between its beginning and its end.

    The arguments are those of `start`; the recording begins at once.
    """
    return start(
        path,
        force=force,
        include=include,
        exclude=exclude,
        break_when=break_when,
        max_size=max_size,
    )


def open(path: str | PathLike[str]) -> Recording:
    """Open a recording, finished or not; it is a context manager.

    Raises `RecordingError` for what is not a readable recording.
    """
    from escope.engine.replay.recording import Recording

    return Recording.open(path)
