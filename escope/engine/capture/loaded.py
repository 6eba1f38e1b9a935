"""Functions that were loaded before a recording began: instrumented in place, put back at the end."""

from __future__ import annotations

import gc
import sys
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType, ModuleType

from escope.engine.capture.loader import Instrumenting, instrumented
from escope.engine.capture.scope import Scope


class LoadedFunctions:
    """The functions of a process that are in scope, and the code that they had."""

    def __init__(self, recorder: Instrumenting, scope: Scope) -> None:
        self.recorder = recorder
        self.scope = scope
        self._plain: dict[int, tuple[CodeType, CodeType]] = {}
        """By the id of an instrumented code object: itself, which keeps the id, and the plain one."""

    def instrument(self) -> None:
        """Give every loaded function in scope instrumented code."""
        traced: dict[int, tuple[str, dict[CodeType, CodeType], bytes]] = {}
        for name, module in list(sys.modules.items()):
            if type(module) is not ModuleType:
                continue
            file = getattr(module, "__file__", None)
            if not isinstance(file, str) or not file.endswith(".py"):
                continue
            if self.scope.reason(name, file) is None:
                traced.setdefault(id(module.__dict__), (name, *self._codes(name, file)))
        for function in _functions():
            found = traced.get(id(function.__globals__))
            if found is None:
                continue
            name, codes, source = found
            plain = function.__code__
            code = codes.get(plain)
            if code is None:
                # Made at run time, or its file has changed since it was loaded.
                code = codes[plain] = self._one(plain, name, source)
            if code is not plain:
                # What the function gets back is the very object that it had, not an equal one.
                self._plain[id(code)] = (code, plain)
                function.__code__ = code

    def restore(self) -> None:
        """Give every function its plain code back, those also that were made meanwhile."""
        for function in _functions():
            found = self._plain.get(id(function.__code__))
            if found is not None:
                function.__code__ = found[1]

    def _codes(self, name: str, file: str) -> tuple[dict[CodeType, CodeType], bytes]:
        """Return the plain code objects of a module with their instrumented ones, and its source."""
        loader = SourceFileLoader(name, file)
        try:
            plain = loader.get_code(name)
            source = loader.get_data(file)
        except Exception:
            return {}, b""  # its functions are taken one by one
        if plain is None:
            return {}, source
        codes: dict[CodeType, CodeType] = {}
        self._pair(plain, instrumented(self.recorder, plain, name, source), codes)
        return codes, source

    def _one(self, plain: CodeType, name: str, source: bytes) -> CodeType:
        code = instrumented(self.recorder, plain, name, source)
        self._pair(plain, code, {})
        return code

    def _pair(self, plain: CodeType, code: CodeType, codes: dict[CodeType, CodeType]) -> None:
        """Note `code` as the instrumented form of `plain`, and so on for the code nested in them."""
        if code is not plain:
            codes[plain] = code
            self._plain[id(code)] = (code, plain)
        inner = [constant for constant in code.co_consts if type(constant) is CodeType]
        nested = [constant for constant in plain.co_consts if type(constant) is CodeType]
        for one, other in zip(nested, inner, strict=False):
            self._pair(one, other, codes)


def _functions() -> list[FunctionType]:
    """Return every function of the process that the collector of cycles knows."""
    return [thing for thing in gc.get_objects() if type(thing) is FunctionType]
