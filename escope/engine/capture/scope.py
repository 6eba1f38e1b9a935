"""Scope: which modules are traced, and for the others the reason why not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

PROJECT_MARKERS = ("pyproject.toml", "setup.cfg", "setup.py", ".git")
ESCOPE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
"""The directory of the `escope` package: what lies in it is never traced, it would record itself."""
STANDARD_LIBRARY = os.path.dirname(os.path.realpath(os.__file__))
INSTALLED = frozenset({"site-packages", "dist-packages"})


def project_root(directory: str) -> str | None:
    """Return the nearest of `directory` and its parents that holds a project marker, or None."""
    while True:
        if any(os.path.exists(os.path.join(directory, marker)) for marker in PROJECT_MARKERS):
            return directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def matches(pattern: str, module: str) -> bool:
    """Return whether `pattern` names `module` or a package that it lies in."""
    while True:
        if fnmatchcase(module, pattern):
            return True
        module, dot, _ = module.rpartition(".")
        if not dot:
            return False


def is_standard(file: str) -> bool:
    """Return whether `file` is a module of the standard library."""
    path = os.path.realpath(file)
    return _inside(path, STANDARD_LIBRARY) and INSTALLED.isdisjoint(path.split(os.sep))


class Scope:
    """The rule of one recording; `reason` is the only question."""

    def __init__(
        self,
        roots: Iterable[str],
        *,
        package: str | None = None,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
    ) -> None:
        self.roots = tuple(dict.fromkeys(os.path.realpath(root) for root in roots))
        self.package = package
        self.include = tuple(include)
        self.exclude = tuple(exclude)
        self._places: dict[str, str | None] = {}

    @classmethod
    def of_script(
        cls, script: str, *, include: Iterable[str] = (), exclude: Iterable[str] = ()
    ) -> Scope:
        """Return the scope of a script, directory or zip file given by its path."""
        path = os.path.realpath(script)
        home = path if os.path.isdir(path) else os.path.dirname(path)
        roots = [project_root(home) or home]
        # A script outside the project that exercises the project of the current directory.
        here = project_root(os.getcwd())
        if here is not None:
            roots.append(here)
        if not os.path.isdir(path):
            roots.append(path)  # a zip file is a root of its own; for a script this adds nothing
        return cls(roots, include=include, exclude=exclude)

    @classmethod
    def of_module(
        cls, module: str, *, include: Iterable[str] = (), exclude: Iterable[str] = ()
    ) -> Scope:
        """Return the scope of `-m module`: the project of the current directory, and its package."""
        here = os.getcwd()
        package = module.partition(".")[0]
        return cls([project_root(here) or here], package=package, include=include, exclude=exclude)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` makes the same scope of, in whatever directory."""
        return {
            "roots": self.roots,
            "package": self.package,
            "include": self.include,
            "exclude": self.exclude,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Scope:
        """Return the scope that `to_json` describes."""
        return cls(
            found["roots"],
            package=found["package"],
            include=found["include"],
            exclude=found["exclude"],
        )

    def reason(self, module: str, file: str | None) -> str | None:
        """Return None if `module` in `file` is to be traced, else one phrase that says why not."""
        for pattern in self.exclude:
            if matches(pattern, module):
                return f"excluded by --exclude {pattern}"
        if file is None:
            return "no source file"
        path = os.path.realpath(file)
        if _inside(path, ESCOPE):
            return "part of escope"
        if self.included(module) or module == "__main__":
            return None
        directory = os.path.dirname(path)
        if directory not in self._places:
            self._places[directory] = self._place(directory)
        place = self._places[directory]
        if place is not None:
            return place
        if self.package is not None and matches(self.package, module):
            return None
        if any(_inside(path, root) for root in self.roots):
            return None
        return "outside the project"

    def included(self, module: str) -> bool:
        """Return whether `--include` names `module` or a package that it lies in."""
        return any(matches(pattern, module) for pattern in self.include)

    def _place(self, directory: str) -> str | None:
        """Return what kind of foreign code lives in `directory`, None if it may be a project."""
        if not INSTALLED.isdisjoint(directory.split(os.sep)):
            return "installed package"
        if _inside(directory, STANDARD_LIBRARY):
            return "standard library"
        parent = directory
        while not os.path.exists(os.path.join(parent, "pyvenv.cfg")):
            parent, child = os.path.dirname(parent), parent
            if parent == child:
                return None
        return "virtual environment"


def _inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)
