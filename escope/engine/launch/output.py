"""Where a recording goes: its name, the directory it grows in, and what stands in the way."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from escope.errors import UsageError
from escope.storage.process import process_alive

SUFFIX = ".esr"


@dataclass(frozen=True, slots=True)
class Output:
    """The two places of one recording: it grows in `part` and ends as `file`."""

    file: Path
    part: Path


def claim(name: str, asked: str | None, force: bool) -> Output:
    """Make the directory that the recording grows in; return where that is and where it ends.

    `asked` is the value of `-o`.  Without one it is NAME.esr, NAME-2.esr, … in the current directory.
    Raises UsageError where the place is taken or cannot be written.
    """
    if asked is not None:
        file = Path(os.path.abspath(asked))
        _clear(file, asked, force)
        return _make(file, asked)
    number = 1
    while True:
        shown = f"{name}{SUFFIX}" if number == 1 else f"{name}-{number}{SUFFIX}"
        file = Path(os.path.abspath(shown))
        if not os.path.lexists(file) and not os.path.lexists(part_of(file)):
            try:
                return _make(file, shown)
            except FileExistsError:
                pass  # another recorder was faster
        number += 1


def part_of(file: Path) -> Path:
    """Return the directory that `file` grows in."""
    return file.with_name(f"{file.name}.part")


def _clear(file: Path, shown: str, force: bool) -> None:
    """Take away what is at the place of `-o`, or say why it stays."""
    part = part_of(file)
    if not file.name or shown.endswith(os.sep) or os.path.isdir(file):
        raise UsageError(f"cannot write {shown!r}: it is a directory; name a file")
    if os.path.lexists(part):
        if _growing(part):
            raise UsageError(f"{shown!r} is being recorded right now; choose another -o")
        if not force:
            raise UsageError(
                f"{shown!r} has an unfinished recording in {part.name!r}; "
                "--force replaces it, or choose another -o"
            )
    if os.path.lexists(file):
        if not force:
            raise UsageError(f"{shown!r} exists; --force replaces it, or choose another -o")
        if not stat.S_ISREG(file.stat(follow_symlinks=False).st_mode):
            raise UsageError(f"cannot write {shown!r}: it is not a regular file")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        return  # the one clear message for this comes from making the directory
    if os.path.lexists(part):
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
        else:
            raise UsageError(f"cannot write {shown!r}: {part.name!r} is not a recording")
    if os.path.lexists(file):
        file.unlink(missing_ok=True)


def _growing(part: Path) -> bool:
    """Return whether a process is at work in `part`."""
    from escope.errors import RecordingError
    from escope.storage.control import Control

    try:
        control = Control.attach(part / "control", readonly=True)
    except RecordingError:
        try:
            manifest = json.loads((part / "manifest.json").read_bytes())
            return process_alive(int(manifest["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return False
    try:
        return process_alive(control.collector_pid)
    finally:
        control.close()


def _make(file: Path, shown: str) -> Output:
    """Make the directory, for its owner only."""
    part = part_of(file)
    try:
        os.mkdir(part, 0o700)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno == errno.ENOENT and not os.path.isdir(part.parent):
            what = f"the directory {os.path.dirname(shown) or '.'!r} does not exist"
        else:
            what = error.strerror or str(error)
        hint = "" if os.sep in shown else "; choose a place with -o"
        raise UsageError(f"cannot write {shown!r}: {what}{hint}") from None
    os.chmod(part, 0o700)
    return Output(file, part)
