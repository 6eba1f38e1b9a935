"""Who takes part: for each the command that runs a program under it, and what it leaves behind."""

from __future__ import annotations

import os
import re
import site
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.suite import HERE
from benchmarks.trial import Trial, python

DRIVERS = HERE / "drivers"
RECORDING = "run.esr"

Command = Callable[[Path, int], list[str]]
"""From the script and the size; it runs in an empty folder."""
Lines = Callable[[Trial, list[Path]], int | None]
"""From a run and the files that it left: how many line events those hold, None if that cannot be told."""


@dataclass(frozen=True)
class Contender:
    """A way to run a program."""

    name: str
    records: str
    """What it records, in a few words."""
    command: Command
    product: str | None = None
    """Pattern of the files that it leaves in its folder; None if it is not meant to leave any."""
    distribution: str | None = None
    """What is to be installed; None if nothing is."""
    share: int = 1
    """It runs at 1/share of the full size."""
    core: str | None = None
    """`ESCOPE_CORE`, for escope."""
    lines: Lines | None = None
    """None for what does not record each line that ran."""
    loses: tuple[str, str] | None = None
    """What it prints when it could not keep everything, and what that means."""

    def version(self) -> str | None:
        """Return the installed version, `""` where nothing needs to be installed, None if it is not."""
        if self.distribution is None:
            return ""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return None

    def remark(self, done: Trial, products: list[Path]) -> str:
        """Return in a few words what is to be known of what a run left; mostly nothing."""
        if self.product is not None and not any(path.stat().st_size for path in products):
            return "no file"
        if self.loses is not None and self.loses[0] in done.stdout + done.stderr:
            return self.loses[1]
        return ""

    def products(self, folder: Path) -> list[Path]:
        """Return the files that a run in `folder` has left."""
        if self.product is None:
            return []
        return sorted(path for path in folder.glob(self.product) if path.is_file())


# Commands


def _plain(script: Path, size: int) -> list[str]:
    return python(str(script), str(size))


def _escope(script: Path, size: int) -> list[str]:
    return python("-m", "escope", "record", "-o", RECORDING, str(script), str(size))


def _driver(name: str, *arguments: str) -> Command:
    return lambda script, size: python(
        str(DRIVERS / f"{name}.py"), *arguments, str(script), str(size)
    )


def _command(name: str, *arguments: str, between: tuple[str, ...] = ()) -> Command:
    """Return the command that a package has put beside the interpreter."""
    path = str(Path(sys.executable).with_name(name))
    return lambda script, size: [path, *arguments, str(script), *between, str(size)]


# How many lines there are in what was left


def _no_lines(done: Trial, products: list[Path]) -> int | None:
    return None


def _printed(pattern: str) -> Lines:
    """What the recorder says at its end."""

    def lines(done: Trial, products: list[Path]) -> int | None:
        found = re.search(pattern, done.stderr + done.stdout)
        return int(found[1]) if found else None

    return lines


def _matching(pattern: bytes) -> Lines:
    """Lines of text that match."""
    expression = re.compile(pattern)

    def lines(done: Trial, products: list[Path]) -> int | None:
        count = 0
        for path in products:
            with open(path, "rb") as file:
                count += sum(expression.search(line) is not None for line in file)
        return count

    return lines


def _logged(done: Trial, products: list[Path]) -> int | None:
    with closing(sqlite3.connect(products[0])) as database:
        (count,) = database.execute("SELECT count(*) FROM execution_log").fetchone()
    return int(count)


PLAIN = Contender("plain", "nothing", _plain)
ESCOPE = Contender("escope", "everything, exactly", _escope, RECORDING, core="c")
REFERENCE = Contender(
    "escope-py", "the same, with the Python core", _escope, RECORDING, share=100, core="py"
)
FAST = (
    Contender("settrace", "nothing: a trace function that does nothing", _driver("nothing")),
    Contender(
        "coverage",
        "which lines ran",
        _command("coverage", "run", "--data-file=run.coverage"),
        "run.coverage",
        "coverage",
    ),
    Contender(
        "viztracer",
        "calls with their times",
        _command("viztracer", "-o", "run.json", "--"),
        "run.json",
        "viztracer",
        loses=("Circular buffer is full", "kept the newest million entries only"),
    ),
)
SLOW = (
    Contender(
        "kolo",
        "calls with their values",
        _command("kolo", "run"),
        ".kolo/**/*",
        "kolo",
        share=10,
    ),
    Contender(
        "hunter",
        "lines and changed variables, as text",
        _driver("library", "hunter"),
        "run.txt",
        "hunter",
        share=100,
        lines=_matching(rb"\bline\s+"),
    ),
    Contender(
        "pysnooper",
        "lines and changed variables, as text",
        _driver("library", "pysnooper"),
        "run.txt",
        "pysnooper",
        share=100,
        lines=_matching(rb"^[ .]*[\d:.]+ line "),
    ),
    Contender(
        "py-tt-debug",
        "lines and variables",
        _command("pyttd", "record", "--db-path", "run.db", between=("--args",)),
        "run.db",
        "py-tt-debug",
        share=1000,
        lines=_no_lines,
    ),
    Contender(
        "chronotrace",
        "lines and variables",
        _command("chronotrace", "record", "--out", "run.chrono"),
        "run.chrono*",
        "chronotrace",
        share=1000,
        lines=_no_lines,
    ),
    Contender(
        "tracesnap",
        "lines and changed variables",
        _command("tracesnap", "record", "--no-library", "--out", "run.json", between=("--",)),
        "run*.json",
        "tracesnap",
        share=100,
        lines=_printed(r"'line': (\d+)"),
    ),
    Contender(
        "pychronicle",
        "lines and changed variables",
        _driver("library", "pychronicle"),
        "*.db",
        "pychronicle",
        share=100,
        lines=_logged,
    ),
)
CONTENDERS = (PLAIN, ESCOPE, REFERENCE, *FAST, *SLOW)
QUICK = (PLAIN, ESCOPE, *FAST)
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
    # Settings and libraries of the person who runs the benchmark are not its business.
    found["HOME"] = found["XDG_CACHE_HOME"] = found["XDG_DATA_HOME"] = str(cache)
    found["PYTHONUSERBASE"] = site.getuserbase()
    if contender.core is not None:
        found["ESCOPE_CORE"] = contender.core
    return found
