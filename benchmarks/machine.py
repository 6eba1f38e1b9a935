"""Where and with what was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from escope import __version__


def processor() -> str:
    """Return the processor's name as the kernel gives it."""
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def memory() -> int:
    """Return the bytes of memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def load() -> float:
    """Return how many processes wanted to run, on average, during the last minute."""
    return os.getloadavg()[0]


def revision() -> str | None:
    """Return the commit of this checkout, `+` where it was changed; None where there is no git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def facts() -> list[tuple[str, str]]:
    """Return what has to be known beside the figures, as names and values; call it before measuring."""
    commit = revision()
    return [
        ("date", datetime.now(UTC).strftime("%Y-%m-%d")),
        ("processor", f"{processor()}, {cores()} cores"),
        ("memory", f"{memory() / (1 << 30):.0f} GiB"),
        ("system", f"Linux {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("escope", __version__ if commit is None else f"{__version__}, commit {commit}"),
        ("load before", f"{load():.1f}"),
    ]
