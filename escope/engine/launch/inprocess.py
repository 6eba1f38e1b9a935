"""Recording the process that asks for it, from a call on: the Python API's `start` and `record`."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from subprocess import TimeoutExpired
from types import TracebackType
from typing import ClassVar

from escope.config import CaptureLimits
from escope.engine.capture.loaded import LoadedFunctions
from escope.engine.capture.loader import RecordingFinder
from escope.engine.capture.recorder import Recorder
from escope.engine.capture.scope import Scope, project_root
from escope.engine.launch.options import RecordOptions
from escope.engine.launch.wiring import Wiring
from escope.errors import UsageError
from escope.interpreter import refusal

_SEALING = 600.0
"""Seconds that `stop` waits for the collector at most."""


class ProcessRecording:
    """A recording of this process; a context manager that stops at its end."""

    _current: ClassVar[ProcessRecording | None] = None

    def __init__(self, wiring: Wiring, recorder: Recorder, scope: Scope) -> None:
        self.path: Path = wiring.output.file
        self._wiring = wiring
        self._recorder = recorder
        self._finder = RecordingFinder(recorder, scope)
        self._functions = LoadedFunctions(recorder, scope)
        self._pid = os.getpid()
        self._stopped = False

    @classmethod
    def start(cls, options: RecordOptions) -> ProcessRecording:
        """Begin; UsageError where the recording cannot be made or another one is being made."""
        line = refusal()
        if line is not None:
            raise UsageError(line)
        if cls._current is not None or "escope.engine.capture.runner" in sys.modules:
            raise UsageError("this process is being recorded already")
        script = getattr(sys.modules.get("__main__"), "__file__", None)
        if script is not None and not os.path.exists(script):
            script = None
        if script is not None:
            scope = Scope.of_script(script, include=options.include, exclude=options.exclude)
        else:
            here = os.getcwd()
            roots = [project_root(here) or here]
            scope = Scope(roots, include=options.include, exclude=options.exclude)
        named = RecordOptions(
            target=script or "recording",
            module=script is None,
            output=options.output,
            force=options.force,
            break_when=options.break_when,
            max_size=options.max_size,
        )
        named.check()
        wiring = Wiring.make(named, argv=list(sys.argv), pid=os.getpid())
        part = wiring.output.part
        recorder = Recorder.start(part, scope, CaptureLimits(), list(options.break_when))
        recording = cls(wiring, recorder, scope)
        recording._finder.install()
        recording._functions.instrument()
        atexit.register(recording.stop)
        cls._current = recording
        return recording

    def stop(self) -> None:
        """End the recording, put every function back and wait until the file is sealed.

        Does nothing the second time, and in a child after `fork`.
        """
        if self._stopped:
            return
        self._stopped = True
        type(self)._current = None
        atexit.unregister(self.stop)
        self._finder.uninstall()
        self._functions.restore()
        if os.getpid() != self._pid:
            return
        self._recorder.stop()
        self._wiring.ended(0)
        try:
            self._wiring.collector.wait(_SEALING)
        except TimeoutExpired:
            print(f"escope: {self.path} is still being sealed", file=sys.stderr)
        problem = self._wiring.problem()
        if problem is not None:
            print(f"escope: the recording {self.path} is partial: {problem}", file=sys.stderr)

    def __enter__(self) -> ProcessRecording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
