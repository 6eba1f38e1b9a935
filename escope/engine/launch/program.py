"""Command lines and environments of the processes of a recording."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from escope.engine.capture.command import parse
from escope.engine.launch.options import RecordOptions

ESCOPE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The directory of the `escope` package."""

_PROGRAM = """\
import sys
_before = set(sys.modules)
_root, _library = sys.argv[1:3]
if not sys.flags.safe_path: del sys.path[0]
sys.path.append(_library)
import _frozen_importlib, _frozen_importlib_external
_frozen_importlib._load(_frozen_importlib_external.spec_from_file_location(
    'escope', _root + '/__init__.py', submodule_search_locations=[_root]))
from escope.engine.capture.own_builtins import own_builtins
with own_builtins(): from escope.engine.capture.runner import main
main(_before)
"""

_OWN = """\
import sys
sys.path.extend(p for p in sys.argv[1].split({separator!r}) if p not in sys.path)
import _frozen_importlib, _frozen_importlib_external
_frozen_importlib._load(_frozen_importlib_external.spec_from_file_location(
    'escope', {init!r}, submodule_search_locations=[{root!r}]))
import runpy, signal
signal.pthread_sigmask(signal.SIG_SETMASK, ())
del sys.argv[0:2]
sys.argv.insert(0, {module!r})
runpy.run_module({module!r}, run_name='__main__', alter_sys=True)
"""

_KEPT = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"})
"""Variables of the interpreter that say where modules lie; the others are meant for the program."""


def own_command(module: str, *arguments: str, isolated: bool = False) -> list[str]:
    """Return the command line that runs one of escope's own modules, whatever lies in the directory.

    With `isolated` it ignores the environment, which it then only passes on.
    """
    text = _OWN.format(
        separator=os.pathsep, init=f"{ESCOPE}/__init__.py", root=ESCOPE, module=module
    )
    path = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))
    flags = ["-I", "-S"] if isolated else ["-P"]
    return [sys.executable, *flags, "-c", text, path, *arguments]


def own_environment() -> dict[str, str]:
    """Return the environment of escope's own processes: nothing that is meant for the program."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") or name in _KEPT
    }
    # Numpy starts one thread for each processor otherwise, at the cost of half its import; none has work.
    own["OPENBLAS_NUM_THREADS"] = "1"
    return own


def program_command(
    options: RecordOptions,
    part: Path,
    mask: Collection[int],
    *,
    cache: str | None,
    terminal: bool = False,
) -> list[str]:
    """Return the command line of the recorded program.

    `mask` is the set of signals that the program starts with blocked, `cache` the directory of the code cache;
    with `terminal` its standard input becomes the terminal that controls it.
    """
    settings = {
        "part": str(part),
        "mode": "m" if options.module else "script",
        "include": options.include,
        "exclude": options.exclude,
        "predicates": options.break_when,
        "children": options.children,
        "mask": sorted(mask),
        "cache": cache,
        "terminal": terminal,
    }
    return [
        sys.executable,
        *interpreter_flags(),
        "-c",
        _PROGRAM,
        ESCOPE,
        _library(),
        json.dumps(settings),
        options.target,
        *options.arguments,
    ]


def interpreter_flags() -> list[str]:
    """Return the options that this interpreter was started with, to be passed on as they were written.

    What the environment says needs no passing on.
    """
    found = parse(sys.orig_argv[1:])
    return [] if found is None else list(found.flags)


def current_mask() -> set[int]:
    """Return the signals that are blocked now."""
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())}


def _library() -> str:
    """Return the directory that holds what capture needs beside the standard library."""
    spec = find_spec("bytecode")
    origin = spec.origin if spec is not None else None
    return os.path.dirname(os.path.dirname(origin)) if origin else ESCOPE
