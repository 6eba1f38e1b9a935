"""The programs of the benchmark, their sizes, and the folder in which they run."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Program:
    """One program; at `size` it takes about half a second by itself."""

    name: str
    size: int
    about: str
    cpu_bound: bool = True


PROGRAMS = (
    Program("calls", 15_000, "recursive calls"),
    Program("integers", 170_000, "an integer loop"),
    Program("floats", 90_000, "a float loop"),
    Program("bodies", 60_000, "n-body: attributes of instances"),
    Program("scheduler", 5_000, "objects, in the manner of Richards"),
    Program("expressions", 20_000, "a recursive-descent parser"),
    Program("strings", 20_000, "string building"),
    Program("counting", 9_000, "counting in dictionaries"),
    Program("comprehensions", 9_000, "comprehensions"),
    Program("grid", 4_500, "tables of lists"),
    Program("tasks", 20_000, "asyncio queues"),
    Program("server", 800, "a socket server: I/O-bound", cpu_bound=False),
)

SCALARS = (
    Program("lines", 70_000, "a line"),
    Program("stores", 70_000, "a store"),
    Program("assignments", 35_000, "a line with a store"),
)
"""Scalar events and next to nothing else; at `size` their rows fit into the ring."""

EMPTY = Program("empty", 0, "nothing")
IMPORTING = Program("importing", 1, "the import of one module")

ALL = (*PROGRAMS, *SCALARS, EMPTY, IMPORTING)


class Stage:
    """The folder in which everything runs, outside of any project.

    The programs lie in `programs`; what they share lies in `shared`, in the scope of no recorder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.shared = folder / "shared"
        self._trials = 0
        shutil.copytree(HERE / "programs", self.programs)
        self.shared.mkdir()
        shutil.copy(HERE / "stopwatch.py", self.shared)
        # What `importing` imports: code that nobody here wrote, about 350 lines on each interpreter.
        sample = self.programs / "sample.py"
        shutil.copy(shlex.__file__, sample)
        self.sample_lines = len(sample.read_text("utf-8").splitlines())

    def script(self, program: Program) -> Path:
        """Return the program's file."""
        return self.programs / f"{program.name}.py"

    def trial_folder(self) -> Path:
        """Return a new, empty folder for one run."""
        self._trials += 1
        folder = self.folder / f"trial-{self._trials}"
        folder.mkdir()
        return folder

    def cache(self, name: str, *, fresh: bool = False) -> Path:
        """Return the folder for what a contender of that name caches; with `fresh` it is empty."""
        folder = self.folder / "caches" / name
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
