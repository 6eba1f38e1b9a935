"""Runs a program under a recorder that is called from Python: ``library.py RECORDER SCRIPT ARG…``.

These have no command, or one that hands no arguments to the program.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def hunter(script: str) -> None:
    """Write each line and the variables that changed to run.txt."""
    module = _package("hunter")
    with open("run.txt", "w", encoding="utf-8") as stream:
        action = module.VarsSnooper(stream=stream)
        with module.trace(filename=script, action=action, threading_support=True):
            runpy.run_path(script, run_name="__main__")


def pysnooper(script: str) -> None:
    """Write each line and the variables that changed to run.txt, from the program's main on."""
    program = importlib.import_module(Path(script).stem)
    snoop = _package("pysnooper").snoop("run.txt", depth=1_000)
    importlib.import_module("stopwatch").run(snoop(program.main))


def pychronicle(script: str) -> None:
    """What `pychronicle trace` does: a database with each line and the variables that changed."""
    _package("pychronicle.storage").reset_database()
    _package("pychronicle.tracer").start_tracing(script)


RECORDERS: tuple[Callable[[str], None], ...] = (hunter, pysnooper, pychronicle)


def _package(name: str) -> Any:
    return importlib.import_module(name)


def main() -> None:
    """Run the program under the recorder of that name."""
    recorders = {recorder.__name__: recorder for recorder in RECORDERS}
    recorder = recorders[sys.argv[1]]
    del sys.argv[:2]
    sys.path[0] = os.path.dirname(sys.argv[0])
    recorder(sys.argv[0])


if __name__ == "__main__":
    main()
