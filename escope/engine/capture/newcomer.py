"""A process that joins a recording which another one began."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from escope.storage.control import Control
from escope.storage.processes import Claim, read_manifest, register
from escope.storage.ring import Ring
from escope.storage.rows import Start

_SHARED = ("format", "escope", "python", "core", "max_size")
"""What the manifests of all processes say alike."""


@dataclass(slots=True)
class Newcomer:
    """What is known of a process by the one that starts it."""

    claim: Claim
    parent: int
    at: int
    """The event of the parent's stream at which it starts."""
    how: Start
    argv: list[str] = field(default_factory=list)
    inherits: list[tuple[int, int]] = field(default_factory=list)
    """Whose site table its own goes on from, and how many bytes of it; see `storage.members`."""

    def to_json(self) -> dict[str, Any]:
        """What a new interpreter has to be told."""
        return {
            "number": self.claim.number,
            "parent": self.parent,
            "at": self.at,
            "how": int(self.how),
            "argv": self.argv,
        }

    @classmethod
    def from_json(cls, part: Path, found: dict[str, Any]) -> Newcomer:
        """The newcomer that a process of the recording in `part` has described."""
        claim = Claim(part, int(found["number"]), None)
        how = Start(found["how"])
        return cls(claim, int(found["parent"]), int(found["at"]), how, list(found["argv"]))

    def register(self) -> tuple[Path, Ring, Control]:
        """Make the directory of this process; see `processes.register`."""
        part = self.claim.part
        shared = read_manifest(part)
        root = Control.attach(part / "control", readonly=True)
        began = time.monotonic_ns() - root.began
        root.close()
        now = time.time_ns()
        manifest = {
            **{name: shared.get(name) for name in _SHARED},
            "executable": sys.executable,
            "argv": self.argv,
            "cwd": _directory(),
            "started": f"{_moment(now)}.{now // 1000 % 1_000_000:06}+00:00",
            "pid": os.getpid(),
            "process": self.claim.number,
            "parent": self.parent,
            "at": self.at,
            "how": self.how.name.lower(),
            "began_ns": max(began, 0),
            "inherits": self.inherits,
            "replaces": self.parent if self.how is Start.EXEC else None,
            "status": None,
            "sealed": False,
            "partial": None,
            "events": 0,
            "duration_ns": 0,
            "dropped": 0,
        }
        return register(self.claim, manifest)


def _moment(time_ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ns // 1_000_000_000))


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was removed
