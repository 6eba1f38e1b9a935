"""Command lines of interpreters: where their own options end, what they run, and whose they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Command(NamedTuple):
    """What an interpreter is asked to run."""

    flags: tuple[str, ...]
    """Its own options, as they were written."""
    mode: str
    """`c`: `target` is the text of a program; `m`: a module; `script`: a path."""
    target: str
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    """All of it as it was written, behind the interpreter's name."""

    @property
    def canonical(self) -> bool:
        """Whether it is written as `flags`, `mode`, `target` and `arguments` say, one word each."""
        return self.words == (*self.flags, *self.argv)

    @property
    def argv(self) -> list[str]:
        """What says in a recording what was run."""
        way = [] if self.mode == "script" else [f"-{self.mode}"]
        return [*way, self.target, *self.arguments]


def parse(words: Sequence[str]) -> Command | None:
    """What the interpreter with these arguments runs; None if that is its standard input, or nothing."""
    left = list(words)
    flags: list[str] = []
    while left and left[0].startswith("-") and left[0] != "-":
        word = left.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            flags += [word, *left[:1]]  # --check-hash-based-pycs, the only one that runs anything
            del left[:1]
            continue
        for place, letter in enumerate(word[1:], 1):
            if letter in "cm":
                if place > 1:
                    flags.append(word[:place])
                target = word[place + 1 :] or (left.pop(0) if left else "")
                if not target:
                    return None
                return Command(tuple(flags), letter, target, tuple(left), tuple(words))
            if letter in "hV?":
                return None
            if letter in "WX":
                flags.append(word)
                if place == len(word) - 1:
                    flags += left[:1]
                    del left[:1]
                break
        else:
            flags.append(word)
    if not left or left[0] == "-":
        return None
    return Command(tuple(flags), "script", left[0], tuple(left[1:]), tuple(words))


def is_this_interpreter(
    executable: str, cwd: str = "", env: Mapping[Any, Any] | None = None
) -> bool:
    """Whether running `executable` runs the interpreter that runs here, of this or another environment."""
    if os.path.dirname(executable):
        found = os.path.join(cwd, executable)
    else:
        found = _searched(executable, os.environ if env is None else env)
    return bool(found) and os.path.realpath(found) == os.path.realpath(sys.executable)


def _searched(name: str, env: Mapping[Any, Any]) -> str:
    """Where a command without a directory lies; empty where there is none."""
    search = env.get("PATH") or env.get(b"PATH") or os.defpath
    for directory in os.fsdecode(search).split(os.pathsep):
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""
