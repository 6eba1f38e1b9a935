"""What is said on standard error when a recording has ended."""

from __future__ import annotations

import os
import sys

from escope.engine.launch.wiring import Wiring


def narrate(wiring: Wiring, seconds: float, *, left: bool = False) -> None:
    """Say in one line what was recorded, where it lies and how to open it."""
    if not left and _discarded(wiring):
        text = "nothing was recorded: there was no program to run"
    else:
        text = summary(wiring, seconds, left=left)
    try:
        print(f"escope: {visible(text)}", file=sys.stderr, flush=True)
    except OSError:
        pass  # nobody listens any more


def summary(wiring: Wiring, seconds: float, *, left: bool = False) -> str:
    """Return the line."""
    control, output = wiring.control, wiring.output
    shown = _shown(str(output.file))
    size = _size(str(output.file))
    events, traced = control.stored_events, True
    if size is not None:
        events, traced = _contents(str(output.file))
    parts = [f"{events:,} event{'' if events == 1 else 's'} in {seconds:.2f} s"]
    problem = wiring.problem()
    if size is not None:
        parts.append(f"{shown} ({size})")
    elif left:
        parts.append(f"{shown} is still being sealed")
    else:
        parts.append(f"{shown}.part is not sealed")
    if problem is not None:
        parts.append(f"partial: {problem}")
    if not traced and problem is None:
        parts.append("nothing that ran was in scope (--include takes in installed packages)")
    parts.append(f"open it with: escope open {_quoted(shown)}")
    return "; ".join(parts)


def _discarded(wiring: Wiring) -> bool:
    """Remove the sealed recording of a program that was not there to run; return whether it was.

    What came to run on the way, such as the package around a missing module, is kept.
    """
    file = str(wiring.output.file)
    if not wiring.control.never_started or _size(file) is None or _contents(file)[1]:
        return False
    try:
        os.unlink(file)
    except OSError:
        return False
    return True


def note_left(wiring: Wiring, pid: int) -> None:
    """Say that the program was left running, and where its recording will be."""
    shown = visible(_quoted(_shown(str(wiring.output.file))))
    print(
        f"escope: the program runs on (process {pid}); open it with: escope open {shown}",
        file=sys.stderr,
    )


def _shown(path: str) -> str:
    """Return the path as a person in this directory would write it."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):
        return path
    return path if relative.startswith("..") else relative


def visible(text: str) -> str:
    """Return the text with every character escaped that a terminal would obey or not show."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def _size(path: str) -> str | None:
    try:
        size = float(os.stat(path).st_size)
    except OSError:
        return None
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return None


def _contents(path: str) -> tuple[int, bool]:
    """Return how many events the sealed file holds, and whether any code was traced."""
    import json
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(path) as archive:
            events = int(json.loads(archive.read("manifest.json"))["events"])
            return events, b'{"type":"code"' in archive.read("sites.jsonl")
    except (OSError, BadZipFile, ValueError, KeyError, TypeError):
        return 0, True


def _quoted(path: str) -> str:
    from shlex import quote

    return quote(path)
