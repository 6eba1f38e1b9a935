"""Recording the process that asks for it, from a call on: the Python API's `start` and `record`."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import TimeoutExpired
from types import TracebackType

from escope.config import CaptureLimits
from escope.engine.capture.cache import CodeCache
from escope.engine.capture.core import recorder_class
from escope.engine.capture.forks import Forks
from escope.engine.capture.loaded import LoadedFunctions
from escope.engine.capture.loader import RecordingFinder
from escope.engine.capture.own_builtins import own_builtins
from escope.engine.capture.recorder import Recorder
from escope.engine.capture.scope import Scope, project_root
from escope.engine.launch.cache import cache_folder
from escope.engine.launch.options import RecordOptions
from escope.engine.launch.wiring import Wiring
from escope.errors import EscopeError, UsageError
from escope.interpreter import refusal

_SEALING = 600.0
"""Seconds that `stop` waits for the collector at most."""

_recorded = False
"""Whether this process is being recorded by this module."""


class ProcessRecording:
    """A recording of this process; a context manager that stops at its end.

    The recorder is reached through a function only: this object is one of the program's, and recording it
    must not lead to recording the recorder.
    """

    __slots__ = ("_end", "path")

    def __init__(self, path: Path, end: Callable[[], None]) -> None:
        self.path = path
        self._end = end

    @classmethod
    def start(cls, options: RecordOptions) -> ProcessRecording:
        """Begin; UsageError where the recording cannot be made or another one is being made."""
        line = refusal()
        if line is not None:
            raise UsageError(line)
        if _recorded or "escope.engine.capture.runner" in sys.modules:
            raise UsageError("this process is being recorded already")
        options, scope = _of_this_process(options)
        options.check()
        wiring = Wiring.make(options, argv=list(sys.argv), pid=os.getpid())
        try:
            with own_builtins():
                recorder_type = recorder_class()
            recorder = recorder_type.start(
                wiring.output.part, CaptureLimits(), list(options.break_when)
            )
            # They would outlive `stop`, which waits for the sealed file.
            Forks(recorder, None).attach()
        except (EscopeError, OSError) as error:
            wiring.abandon()
            raise UsageError(f"cannot record: {error}") from None
        if (folder := cache_folder()) is not None:
            recorder.cache = CodeCache(folder)
        return cls(wiring.output.file, _begin(wiring, recorder, scope))

    def stop(self) -> None:
        """End the recording, put every function back and wait until the file is sealed.

        Does nothing the second time, and in a child after `fork` puts the functions back only.
        """
        self._end()

    def __enter__(self) -> ProcessRecording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()


def _of_this_process(options: RecordOptions) -> tuple[RecordOptions, Scope]:
    """Return the options with the program's name, and the scope."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is None or not os.path.exists(script):
        here = os.getcwd()
        roots = [project_root(here) or here]
        scope = Scope(roots, include=options.include, exclude=options.exclude)
        name, module = "recording", True
    else:
        scope = Scope.of_script(script, include=options.include, exclude=options.exclude)
        name, module = script, False
    named = RecordOptions(
        target=name,
        module=module,
        output=options.output,
        force=options.force,
        break_when=options.break_when,
        max_size=options.max_size,
    )
    return named, scope


def _begin(wiring: Wiring, recorder: Recorder, scope: Scope) -> Callable[[], None]:
    """Instrument this process; return the function that ends the recording."""
    global _recorded
    finder = RecordingFinder(recorder, scope)
    functions = LoadedFunctions(recorder, scope)
    owner = os.getpid()
    stopped = False

    def end() -> None:
        nonlocal stopped
        global _recorded
        if stopped:
            return
        stopped = True
        _recorded = False
        atexit.unregister(end)
        if os.getpid() == owner:
            recorder.stop()  # what follows is not the program's
        finder.uninstall()
        functions.restore()
        if os.getpid() == owner:
            _finish(wiring)

    _recorded = True
    finder.install()
    functions.instrument()
    atexit.register(end)
    return end


def _finish(wiring: Wiring) -> None:
    """Wait until the file is sealed; say on standard error what is wrong with it, if anything is."""
    wiring.ended(0)
    path = wiring.output.file
    try:
        wiring.collector.wait(_SEALING)
    except TimeoutExpired:
        print(f"escope: {path} is still being sealed", file=sys.stderr)
    problem = wiring.problem()
    if problem is not None:
        print(f"escope: the recording {path} is partial: {problem}", file=sys.stderr)
