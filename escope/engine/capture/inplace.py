"""Recording of a part of a running program: loaded functions get instrumented code, and their own back.

Frames that already run keep the code they run; what they call is recorded.
"""

from __future__ import annotations

import gc
import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder
    from escope.engine.capture.scope import Scope


class InPlace:
    """The functions of the loaded modules in scope, instrumented."""

    def __init__(self, recorder: Recorder, scope: Scope) -> None:
        self._recorder = recorder
        self._scope = scope
        self._instrumented: dict[int, types.CodeType] = {}
        """By address of the original code; `_originals` keeps those alive."""
        self._originals: dict[int, types.CodeType] = {}
        """By address of the instrumented code."""
        self._sources: dict[str, bytes | None] = {}

    def apply(self) -> int:
        """Instrument every loaded function in scope; returns how many."""
        count = 0
        modules = {
            name: module
            for name, module in list(sys.modules.items())
            if isinstance(module, types.ModuleType) and self._in_scope(name, module)
        }
        for found in gc.get_objects():
            if type(found) is not types.FunctionType or found.__globals__.get("__name__") not in modules:
                continue
            name = found.__globals__["__name__"]
            if vars(modules[name]) is not found.__globals__:
                continue
            if found.__code__.co_filename != getattr(modules[name], "__file__", None):
                continue
            done = self._code(found.__code__, name)
            if done is not None:
                found.__code__ = done
                count += 1
        return count

    def restore(self) -> None:
        """Give every function its own code back, also those that were made meanwhile."""
        for found in gc.get_objects():
            if type(found) is types.FunctionType:
                original = self._originals.get(id(found.__code__))
                if original is not None:
                    found.__code__ = original

    def _in_scope(self, name: str, module: types.ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        if type(file) is not str or name.partition(".")[0] == "escope":
            return False
        return self._scope.reason(name, file) is None

    def _code(self, code: types.CodeType, module: str) -> types.CodeType | None:
        if id(code) in self._originals:
            return None
        done = self._instrumented.get(id(code))
        if done is None:
            source = self._source(code.co_filename)
            if source is None:
                return None
            done = self._recorder.instrument(code, module, source)
            self._instrumented[id(code)] = done
            self._note(code, done)
        return done if done is not code else None

    def _note(self, code: types.CodeType, done: types.CodeType) -> None:
        if done is code:
            return
        self._originals[id(done)] = code
        for own, instrumented in zip(code.co_consts, done.co_consts, strict=False):
            if type(own) is types.CodeType and type(instrumented) is types.CodeType:
                self._instrumented[id(own)] = instrumented
                self._note(own, instrumented)

    def _source(self, file: str) -> bytes | None:
        if file not in self._sources:
            try:
                with open(file, "rb") as stream:
                    self._sources[file] = stream.read()
            except OSError:
                self._sources[file] = None
        return self._sources[file]
