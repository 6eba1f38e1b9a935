"""Builtins of the recorder's own: what the program does to the module `builtins` does not reach it.

A function finds its builtins through the globals of its module at the moment in which it is made.  So the
recorder's modules are given a copy before they run; the program may then replace `open`, `len` or `__import__`, or
delete them, and no probe calls code of the program or fails for it.
"""

from __future__ import annotations

import builtins
import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

_OWN = frozenset({"escope", "bytecode"})
_BUILTINS = dict(vars(builtins))


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = _BUILTINS
        super().exec_module(module)


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in _OWN:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path)
        return spec


@contextlib.contextmanager
def own_builtins() -> Iterator[None]:
    """While the recorder's modules are imported for the first time."""
    sys.meta_path.insert(0, _Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(_Finder)
