"""What is said on standard error when a recording has ended."""

from __future__ import annotations

import os
import sys

from escope.engine.launch.wiring import Seal, Wiring


def narrate(wiring: Wiring, seconds: float, seal: Seal) -> None:
    """Say in one line what was recorded, where it lies and how to open it."""
    if seal is Seal.DONE and _discarded(wiring):
        text = "nothing was recorded: there was no program to run"
    else:
        text = summary(wiring, seconds, seal)
    try:
        print(f"escope: {visible(text)}", file=sys.stderr, flush=True)
    except OSError:
        pass  # nobody listens any more


def summary(wiring: Wiring, seconds: float, seal: Seal) -> str:
    """Return the line."""
    control, output = wiring.control, wiring.output
    shown = _shown(str(output.file))
    size = _size(str(output.file))
    events, traced, processes = control.events, True, 1
    if size is not None:
        events, traced, processes = _contents(str(output.file))
    of = f" of {processes} processes" if processes > 1 else ""
    parts = [f"{events:,} event{'' if events == 1 else 's'}{of} in {seconds:.2f} s"]
    problem = wiring.problem()
    if size is not None:
        parts.append(f"{shown} ({size})")
    elif seal is Seal.AWAITS:
        count = control.awaited
        runs = "1 process runs on" if count == 1 else f"{count} processes run on"
        parts.append(f"{runs}; {shown} is sealed when the last has ended")
    elif seal is Seal.LEFT:
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


def _contents(path: str) -> tuple[int, bool, int]:
    """Return how many events the sealed file holds, whether any code was traced, and of how many processes."""
    import json
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            others = manifest.get("processes", [])
            events = int(manifest["events"]) + sum(int(one.get("events") or 0) for one in others)
            traced = b'{"type":"code"' in archive.read("sites.jsonl")
            return events, traced or bool(others), 1 + len(others)
    except (OSError, BadZipFile, ValueError, KeyError, TypeError, AttributeError):
        return 0, True, 1


def _quoted(path: str) -> str:
    from shlex import quote

    return quote(path)
