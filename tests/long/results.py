"""The results file: one JSON object a line, appended when a unit is done; what is not there is still to do."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.long.process import REPOSITORY

CHECKED = ("escope", "tests/oracle", "tests/long", "tests/property")
"""What a result depends on; figures in documents do not make it stale."""
_KINDS_OF_FILES = frozenset({".py", ".c", ".h", ".toml"})


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of one kind on one interpreter with one core."""

    kind: str
    unit: str
    interpreter: str
    """Implementation and version, "CPython 3.12.1"."""
    core: str
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a job found, when, and of which sources."""

    job: Job
    outcome: dict[str, Any]
    seconds: float
    commit: str
    sources: str
    """See `sources`."""
    date: str

    @property
    def good(self) -> bool:
        """Whether nothing differs that may not."""
        return not self.outcome["problems"]


def sources() -> str:
    """A digest of all files that results depend on, as they are on disk."""
    digest = hashlib.sha256()
    for folder in CHECKED:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if path.suffix in _KINDS_OF_FILES:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(REPOSITORY)} {content}\n".encode())
    return digest.hexdigest()[:16]


def commit() -> str:
    """The short name of the checkout's commit, with a `+` where files differ from it."""
    git = ["git", "-C", str(REPOSITORY)]
    name = subprocess.run(
        [*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no", "--", *CHECKED],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (name or "unknown") + ("+" if changed else "")


def default_path() -> Path:
    """Where results are kept: with the user's state, not in the repository."""
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(home) / "escope" / "long-checks.jsonl"


class Results:
    """The file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.all: list[Result] = []
        if path.exists():
            for line in path.read_text().splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # the line that was being written when the machine went down
                self.all.append(Result(**{**entry, "job": Job(**entry["job"])}))

    def done(self, job: Job, sources: str) -> Result | None:
        """The newest result of `job` for these sources."""
        for result in reversed(self.all):
            if result.job == job and result.sources == sources:
                return result
        return None

    def append(self, result: Result) -> None:
        """Add a result; it is in the file when this returns."""
        self.all.append(result)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a") as file:
            file.write(json.dumps(asdict(result)) + "\n")
            file.flush()
            os.fsync(file.fileno())
