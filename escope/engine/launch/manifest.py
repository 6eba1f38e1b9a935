"""The manifest: what is known of a recording from the start; the collector completes it at the end."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from escope import __version__
from escope.config import FORMAT
from escope.engine.capture.core import CORE

NAME = "manifest.json"


def new_manifest(argv: list[str], *, pid: int = 0, max_size: int | None = None) -> dict[str, Any]:
    """Return the manifest of a recording that begins now; `argv` is what the program sees."""
    return {
        "format": list(FORMAT),
        "escope": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "core": CORE,
        "argv": argv,
        "cwd": os.getcwd(),
        "started": datetime.now(UTC).isoformat(timespec="microseconds"),
        "pid": pid,
        "max_size": max_size,
        "status": None,
        "sealed": False,
        "partial": None,
        "events": 0,
        "duration_ns": 0,
        "dropped": 0,
    }


def write_manifest(part: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest so that a reader finds the old one or the new one, never a piece."""
    temporary = part / f"{NAME}.new"
    data = json.dumps(manifest).encode()
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
    os.rename(temporary, part / NAME)
