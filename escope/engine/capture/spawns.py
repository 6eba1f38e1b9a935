"""New interpreters: a process of the same interpreter that the program starts is recorded, too.

Its command line is changed on the way: the interpreter runs escope's runner, which runs what was to run.
Nothing of that is in the environment, and the child's own `sys.argv` and `sys.orig_argv` are put right.
Three ways are followed:

- `subprocess`: the audit event that it raises hands over its own copy of the arguments, a list;
- `multiprocessing` (spawn, forkserver) calls `_posixsubprocess.fork_exec`, which has a wrapper here;
- `os.exec…`: the audit event comes before the call; the changed call is made from there, and if it fails,
  the program's own call fails the same way.

Not followed: interpreters that a shell or other programs start, standard input as a script, `os.posix_spawn`.
"""

from __future__ import annotations

import json
import os
import sys
from _thread import get_ident
from collections.abc import Sequence
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any

from escope.engine.capture import audits
from escope.engine.capture.command import Command, is_this_interpreter, parse
from escope.engine.capture.newcomer import Newcomer
from escope.storage.processes import Claim
from escope.storage.rows import Start

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder

_MAPPINGS = (dict, type(os.environ), type(None))
"""What can be asked for a variable without running code of the program."""
_LONGEST = 100_000
"""Bytes of the one word that holds the settings; a word of a command line has at most 131,072."""
TRACKER = "from multiprocessing.resource_tracker import"
"""How the text begins that starts the process which cleans up after `multiprocessing`; it runs nothing else."""


class Spawns:
    """The changed command lines of one recorder's children.

    `bootstrap` is the `-c` text of the runner with the two arguments that say where escope lies; `settings`
    are those of the runner, the same for every child.
    """

    def __init__(
        self, recorder: Recorder, part: Path, bootstrap: Sequence[str], settings: dict[str, Any]
    ) -> None:
        self._recorder = recorder
        self._part = part
        self._bootstrap = tuple(bootstrap)
        self._settings = settings
        self._executing: set[int] = set()
        """Threads that are in the changed call of `exec`."""

    def attach(self) -> None:
        """Follow the three ways, for as long as the process lives."""
        audits.watch("subprocess.Popen", self._subprocess)
        audits.watch("os.exec", self._exec)
        import _posixsubprocess

        plain = _posixsubprocess.fork_exec

        def fork_exec(args: Any, executable_list: Any, /, *rest: Any) -> Any:
            return plain(self._changed(args, executable_list), executable_list, *rest)

        fork_exec.__name__ = plain.__name__
        fork_exec.__qualname__ = plain.__qualname__
        fork_exec.__module__ = plain.__module__
        fork_exec.__doc__ = plain.__doc__
        _posixsubprocess.fork_exec = fork_exec

    def _subprocess(self, arguments: tuple[Any, ...]) -> None:
        executable, words, cwd, env = arguments
        if type(words) is not list or not self._recorder.on:
            return
        found = _found(executable, words, cwd, env)
        changed = None if found is None else self._words(found, Start.SPAWN)
        if changed is not None:
            words[1:] = changed

    def _changed(self, args: Any, executable_list: Any) -> Any:
        """The arguments of `fork_exec` as they should be."""
        if type(args) is not list or len(executable_list) != 1 or not self._recorder.on:
            return args
        if self._bootstrap[0] in args:
            return args  # `subprocess` was here before
        found = _found(executable_list[0], args, None, None)
        changed = None if found is None else self._words(found, Start.SPAWN)
        return args if changed is None else [args[0], *changed]

    def _exec(self, arguments: tuple[Any, ...]) -> None:
        path, words, env = arguments
        recorder, thread = self._recorder, get_ident()
        if not recorder.on or thread in self._executing:
            return
        recorder.settle_output()
        if type(words) not in (list, tuple) or type(env) not in _MAPPINGS:
            return
        found = _found(path, list(words), None, env)
        if found is None or not os.access(path, os.X_OK):
            return
        changed = self._words(found, Start.EXEC)
        if changed is None:
            return
        self._executing.add(thread)
        try:
            os.execve(path, [words[0], *changed], os.environ if env is None else env)
        except (OSError, ValueError, TypeError):
            # The program's own call is about to fail in the same way.
            Claim(self._part, recorder.last_child, None).cancel()
        finally:
            self._executing.discard(thread)

    def _words(self, command: Command, how: Start) -> list[str] | None:
        """The changed command line behind the interpreter's name; None if the child cannot be recorded."""
        recorder = self._recorder
        settings = {**self._settings, "mode": command.mode}
        if not command.canonical:
            settings["plain"] = command.words
        try:
            if len(json.dumps([settings, command.argv])) > _LONGEST:
                return None
            claim = Claim.make(self._part, recorder.last_child)
        except OSError:
            return None
        recorder.last_child = claim.number
        at = recorder.starts(how, claim.number)
        if at is None:
            claim.cancel()
            return None
        newcomer = Newcomer(claim, recorder.process, at, how, command.argv)
        settings["process"] = newcomer.to_json()
        text, *places = self._bootstrap
        return [
            *command.flags,
            "-c",
            text,
            *places,
            json.dumps(settings),
            command.target,
            *command.arguments,
        ]


def _found(executable: Any, words: list[Any], cwd: Any, env: Any) -> Command | None:
    """What a command line runs, if it is this interpreter's and the process is to be recorded.

    Looks at nothing that could run code of the program to say what it is.
    """
    name, *texts = [_text(word) for word in (executable, *words[1:])]
    place = "" if cwd is None else _text(cwd)
    if not words or name is None or place is None or None in texts:
        return None
    if not is_this_interpreter(name, place, env if type(env) in _MAPPINGS else {}):
        return None
    found = parse([text for text in texts if text is not None])
    if found is None or (found.mode == "c" and found.target.startswith(TRACKER)):
        return None
    return found


def _text(word: Any) -> str | None:
    """A word of a command line as text; None if it is none, or of a class that could be the program's."""
    if type(word) is bytes:
        return os.fsdecode(word)
    if type(word) is PosixPath:
        return str(word)
    return word if type(word) is str else None


def own_bootstrap() -> list[str]:
    """The `-c` text that this process was started with, and its two arguments; for the runner's own process."""
    return [sys.orig_argv[len(sys.orig_argv) - len(sys.argv)], *sys.argv[1:3]]
