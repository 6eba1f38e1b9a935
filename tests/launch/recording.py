"""Running programs with and without escope, for tests that compare the two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What a process wrote, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def narration(self) -> list[str]:
        """The lines that escope itself wrote."""
        return [line for line in self.err.splitlines() if line.startswith("escope: ")]

    @property
    def plain_err(self) -> str:
        """Standard error without them."""
        lines = self.err.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("escope: "))


def _is_kept(name: str) -> bool:
    return name in ("ESCOPE_CORE", "ESCOPE_CACHE") or not name.startswith(
        ("PYTHON", "ESCOPE", "PYTEST")
    )


def environment() -> dict[str, str]:
    """An environment in which `python -m escope` is this checkout and hashes do not vary."""
    return {
        **{k: v for k, v in os.environ.items() if _is_kept(k)},
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(command: Sequence[str], cwd: Path, given: str = "", timeout: float = 60) -> Run:
    """Run a command to its end."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        input=given.encode(),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    out, err = (data.decode("utf-8", "surrogateescape") for data in (done.stdout, done.stderr))
    return Run(done.returncode, out, err)


def plain(arguments: Sequence[str], cwd: Path, flags: Sequence[str] = (), given: str = "") -> Run:
    """Run a program as Python alone runs it."""
    return run([sys.executable, *flags, *arguments], cwd, given)


def recorded(
    arguments: Sequence[str],
    cwd: Path,
    flags: Sequence[str] = (),
    given: str = "",
    options: Sequence[str] = ("-o", "run.esr", "--force"),
    timeout: float = 60,
) -> Run:
    """Run the same program with `escope record`."""
    command = [sys.executable, *flags, "-m", "escope", "record", *options, *arguments]
    return run(command, cwd, given, timeout)


def escope(*arguments: str, cwd: Path, given: str = "") -> Run:
    """Run another command of escope."""
    return run([sys.executable, "-m", "escope", *arguments], cwd, given)
