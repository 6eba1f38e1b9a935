"""The import hook: modules in scope get instrumented code, and otherwise load exactly as before.

The loader of a traced module stays the plain one that the import system chose.  Two attributes are put on
that one instance and take themselves away when they have been used: `create_module`, which is called
directly before the module runs and instruments its code, and `get_code`, which hands it out.  A module
that cannot be compiled is left to the plain loader altogether, so that its error has no frame of escope.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, Protocol
from zipimport import zipimporter

from escope.engine.capture.scope import Scope, is_standard
from escope.errors import EscopeError

FOREIGN = frozenset({"built-in", "frozen"})
"""Origins of modules that no file stands for; nobody expects them to be traced."""


class Skips(Protocol):
    """What the import hook needs of the site table."""

    def skip(self, module: str, file: str | None, reason: str) -> None:
        """Put a module that is not traced on record."""


class Tapping(Protocol):
    """What the import hook needs of the taps."""

    def concerns(self, module: str) -> bool:
        """Return whether there are taps in `module`."""

    def of_module(self, code: CodeType, module: str) -> CodeType:
        """Return the code of `module` with its taps."""


class Instrumenting(Protocol):
    """What the import hook needs of the recorder."""

    @property
    def table(self) -> Skips:
        """The site table."""

    @property
    def taps(self) -> Tapping:
        """The taps on functions of the standard library."""

    def instrument(self, code: CodeType, module: str, source: bytes) -> CodeType:
        """Return `code` with probes, or as it is."""

    def detach(self, reason: str) -> None:
        """Stop recording; the program goes on."""


def instrumented(recorder: Instrumenting, code: CodeType, module: str, source: bytes) -> CodeType:
    """Return `code` with probes; as it is, and without a recording from here on, where that fails."""
    try:
        return recorder.instrument(code, module, source)
    except Exception as error:
        _failed(recorder, error)
        return code


def _failed(recorder: Instrumenting, error: Exception) -> None:
    text = str(error) if isinstance(error, EscopeError) else f"{type(error).__name__}: {error}"
    recorder.detach(text)


class RecordingFinder:
    """Finder that lets the finders behind it find, and prepares what is in scope.

    It stands directly before `PathFinder`, so that builtin and frozen modules never reach it and that
    finders which packages put in front (pytest's, for one) keep their right of way.
    """

    def __init__(self, recorder: Instrumenting, scope: Scope) -> None:
        self.recorder = recorder
        self.scope = scope
        self.mains: frozenset[str] = frozenset()
        """Names that the module which `runpy` is about to run as `__main__` may have."""
        self._skipped: set[str] = set()
        self._prepared: set[str] = set()
        self._before = frozenset(sys.modules)

    def install(self) -> None:
        """Put the finder on `sys.meta_path`."""
        path = sys.meta_path
        path.insert(path.index(PathFinder) if PathFinder in path else len(path), self)

    def uninstall(self) -> None:
        """Take the finder off `sys.meta_path`."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the finders behind this one give, prepared if it is in scope."""
        for finder in self._behind():
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(fullname, path, target)
            if spec is not None:
                self._prepare(spec)
                return spec
        return None

    def account(self) -> None:
        """Put on record the modules in scope that came in another way than through this finder."""
        for name, module in list(sys.modules.items()):
            spec = getattr(module, "__spec__", None)
            file = getattr(spec, "origin", None)
            if name in self._prepared or name in self.mains or name == "__main__":
                continue
            if not isinstance(file, str) or file in FOREIGN or self.scope.reason(name, file):
                continue
            if name in self._before:
                self._skip(name, file, "loaded before the recording began")
            else:
                loader = type(getattr(spec, "loader", None)).__name__
                self._skip(name, file, f"loaded by {loader}")

    def invalidate_caches(self) -> None:
        """Hold none; the finders behind this one are asked for themselves."""

    def _behind(self) -> Iterator[Any]:
        behind = False
        for finder in list(sys.meta_path):
            if behind:
                yield finder
            behind = behind or finder is self

    def _prepare(self, spec: ModuleSpec) -> None:
        loader, file = spec.loader, spec.origin
        if loader is None or file is None or file in FOREIGN:
            return
        if (reason := self.scope.reason(spec.name, file)) is not None:
            self._skip(spec.name, file, reason)
            if (
                type(loader) is SourceFileLoader
                and self.recorder.taps.concerns(spec.name)
                and is_standard(file)
            ):
                Preparation(self, loader, traced=False).attach()
        elif type(loader) is SourceFileLoader:
            self._prepared.add(spec.name)
            Preparation(self, loader).attach()
        elif isinstance(loader, zipimporter) and type(loader) is zipimporter:
            # One zipimporter serves all modules of its directory: this one gets a copy to itself.
            own = zipimporter.__new__(zipimporter)
            vars(own).update(vars(loader))
            spec.loader = own  # type: ignore[assignment]
            self._prepared.add(spec.name)
            Preparation(self, own).attach()
        else:
            kind = type(loader).__name__
            reasons = {
                "ExtensionFileLoader": "extension module",
                "SourcelessFileLoader": "no source file",
            }
            self._skip(spec.name, file, reasons.get(kind, f"loaded by {kind}"))

    def _skip(self, module: str, file: str, reason: str) -> None:
        """Put a module that is not traced on record, once."""
        if module in self._skipped:
            return
        self._skipped.add(module)
        try:
            self.recorder.table.skip(module, file, reason)
        except Exception as error:
            _failed(self.recorder, error)


class Preparation:
    """The two attributes on one loader instance, for one load."""

    def __init__(self, finder: RecordingFinder, loader: Any, traced: bool = True) -> None:
        self.finder = finder
        self.loader = loader
        self.traced = traced
        """Whether the module is in scope; one that is not gets its taps only."""
        self.code: CodeType | None = None

    def attach(self) -> None:
        """Put the attributes on the loader."""
        self.loader.create_module = self.create_module
        self.loader.get_code = self.get_code

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Instrument the module's code; return what the plain loader's method returns."""
        self._instrument(spec.name, spec.name)
        module: ModuleType | None = self._plain("create_module")(self.loader, spec)
        return module

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the instrumented code once; `runpy` comes here without `create_module`."""
        if self.code is None:
            name = "__main__" if fullname in self.finder.mains else fullname
            self._instrument(fullname, name)
        vars(self.loader).pop("create_module", None)
        vars(self.loader).pop("get_code", None)
        if self.code is not None:
            return self.code
        code: CodeType | None = self._plain("get_code")(self.loader, fullname)
        return code

    def _instrument(self, fullname: str, module: str) -> None:
        try:
            # The plain way to the code: a valid cache file serves, a missing one is written, without
            # probes, and warnings of the compiler appear exactly when they would.
            code = self._plain("get_code")(self.loader, fullname)
            source = self.loader.get_data(self.loader.get_filename(fullname))
        except Exception:
            # The plain loader is about to meet the same error.
            vars(self.loader).pop("create_module", None)
            vars(self.loader).pop("get_code", None)
            return
        recorder = self.finder.recorder
        if self.traced:
            code = instrumented(recorder, code, module, source)
        if recorder.taps.concerns(module) and is_standard(code.co_filename):
            try:
                code = recorder.taps.of_module(code, module)
            except Exception as error:
                _failed(recorder, error)
        self.code = code

    def _plain(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(type(self.loader), name)
        return method
