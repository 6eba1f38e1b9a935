"""Who takes part: for each the command that runs a program under it, and what it leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.suite import HERE
from benchmarks.trial import Trial, python

DRIVERS = HERE / "drivers"
RECORDING = "run.esr"


@dataclass(frozen=True)
class Contender:
    """A way to run a program."""

    name: str
    about: str
    """What it records, in a few words."""
    command: Callable[[Path, int], list[str]]
    """From the script and the size; it runs in an empty folder."""
    product: str | None = None
    """Pattern of the files that it leaves in its folder; None if it is not meant to leave any."""
    distribution: str | None = None
    """What is to be installed; None if nothing is."""
    share: int = 1
    """It runs at 1/share of the full size."""
    core: str | None = None
    """`ESCOPE_CORE`, for escope."""
    account: Callable[[Trial, list[Path]], str] | None = None
    """What a run says about its own completeness, in a few words."""

    def version(self) -> str | None:
        """Return the installed version, `""` where nothing needs to be installed, None if it is not."""
        if self.distribution is None:
            return ""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return None

    def note(self, done: Trial, products: list[Path]) -> str:
        """Return in a few words what is to be known about what a run left; mostly nothing."""
        if not products:
            return "no file"
        return "" if self.account is None else self.account(done, products)

    def products(self, folder: Path) -> list[Path]:
        """Return the files that a run in `folder` has left."""
        if self.product is None:
            return []
        return sorted(path for path in folder.glob(self.product) if path.is_file())


def _plain(script: Path, size: int) -> list[str]:
    return python(str(script), str(size))


def _escope(script: Path, size: int) -> list[str]:
    return python("-m", "escope", "record", "-o", RECORDING, str(script), str(size))


def _driver(name: str) -> Callable[[Path, int], list[str]]:
    def command(script: Path, size: int) -> list[str]:
        return python(str(DRIVERS / f"{name}.py"), str(script), str(size))

    return command


def _coverage(script: Path, size: int) -> list[str]:
    return python("-m", "coverage", "run", "--data-file=coverage.data", str(script), str(size))


def _viztracer(script: Path, size: int) -> list[str]:
    return python("-m", "viztracer", "-o", "trace.json", "--", str(script), str(size))


PLAIN = Contender("plain", "nothing", _plain)
ESCOPE = Contender("escope", "everything", _escope, RECORDING, core="c")
REFERENCE = Contender(
    "escope-py", "everything, with the Python core", _escope, RECORDING, share=100, core="py"
)
RIVALS = (
    Contender("settrace", "nothing: a trace function that does nothing", _driver("nothing")),
    Contender("coverage", "which lines ran", _coverage, "coverage.data", "coverage"),
    Contender("viztracer", "calls and their times", _viztracer, "trace.json", "viztracer"),
)
CONTENDERS = (PLAIN, ESCOPE, REFERENCE, *RIVALS)
QUICK = CONTENDERS[: CONTENDERS.index(RIVALS[2]) + 1]
"""Those that are fast enough for a quick look."""


def environment(contender: Contender, shared: Path, cache: Path) -> dict[str, str]:
    """Return the environment of a run: this one without what would change the outcome.

    escope is this checkout's own, whatever is installed.
    """
    path = [str(shared), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    found = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "ESCOPE", "COVERAGE"))
    }
    found["PYTHONPATH"] = os.pathsep.join(entry for entry in path if entry)
    found["PYTHONHASHSEED"] = "0"
    found["XDG_CACHE_HOME"] = str(cache)
    if contender.core is not None:
        found["ESCOPE_CORE"] = contender.core
    return found
