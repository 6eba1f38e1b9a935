"""Runs a program under `sys.settrace` and writes a snapshot at every line event; a script of its own.

    python tracer.py SNAPSHOTS ROOT EVERY SCRIPT [ARG…]

Code whose file lies under ROOT is followed, in every thread that `threading` starts.  One JSON object a line:

    thread   the thread's name
    file     relative to ROOT; line; function (qualified name)
    stack    [function, line] of every followed frame of the thread, outermost first; `line` is the frame's
             last line event
    frames   [[index in stack, kind, {name: V}, [unread name]], …]; kind is "module", "class" or "function"
    objects  {number: NODE}                                   (V and NODE: snapshot.py)

The top frame is in `frames` always, the others at the first line event after any call or return of the
thread, and on every EVERY-th.  Each line is written at once, so that `os._exit` and signals lose none.
"""

from __future__ import annotations

import dis
import fcntl
import functools
import importlib.machinery
import json
import os
import sys
import threading
import types
from typing import Any

sys.path.pop(0)
_here = os.path.dirname(os.path.abspath(__file__))
_spec = importlib.machinery.PathFinder.find_spec("snapshot", [_here])
assert _spec is not None
assert _spec.loader is not None
snapshot = types.ModuleType("snapshot")
_spec.loader.exec_module(snapshot)

MACHINERY = frozenset({"__builtins__", "__loader__", "__spec__", "__warningregistry__"})
"""Globals that the interpreter itself puts into a module, when it imports it or warns."""
_OPTIMIZED = 0x01


class Tracer:
    """The trace function and its open file."""

    def __init__(self, path: str, root: str, every: int) -> None:
        self.root = root
        self.every = every
        self.prefix = root + os.sep
        # A high number, so that the program's own files get the numbers that they always get.
        low = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.file = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 200)
        os.close(low)
        self.active = True
        self.last_lines: dict[int, int] = {}
        self.counts: dict[int, int] = {}
        self.moved: dict[int, bool] = {}

    def stop(self) -> None:
        """Follow nothing any more: in the child of a fork."""
        self.active = False
        sys.settrace(None)

    def follows(self, code: types.CodeType) -> bool:
        """Whether `code` comes from a file of the program."""
        return code.co_filename.startswith(self.prefix)

    def on_call(self, frame: types.FrameType, event: str, arg: object) -> Any:
        """The global trace function."""
        if not self.active or not self.follows(frame.f_code):
            return None
        self.moved[threading.get_ident()] = True
        return self.on_event

    def on_event(self, frame: types.FrameType, event: str, arg: object) -> Any:
        """The local trace function of followed frames."""
        if not self.active:
            return None
        if event == "line":
            self.last_lines[id(frame)] = frame.f_lineno
            self.write(frame)
        elif event == "return":
            self.moved[threading.get_ident()] = True
        return self.on_event

    def write(self, top: types.FrameType) -> None:
        """Write one snapshot."""
        thread = threading.get_ident()
        count = self.counts[thread] = self.counts.get(thread, 0) + 1
        full = self.moved.pop(thread, False) or count % self.every == 0
        chain = []
        frame: types.FrameType | None = top
        while frame is not None:
            if self.follows(frame.f_code):
                chain.append(frame)
            frame = frame.f_back
        chain.reverse()
        table = snapshot.Snapshot()
        frames = []
        for index, item in enumerate(chain):
            if full or item is top:
                kind, variables = self.variables(item)
                content = {name: table.value(value) for name, value in variables}
                frames.append([index, kind, content, sorted(untold(item))])
        known = threading._active.get(thread)  # type: ignore[attr-defined]
        record = {
            "thread": known._name if known is not None else "?",
            "file": top.f_code.co_filename[len(self.prefix) :],
            "line": top.f_lineno,
            "function": top.f_code.co_qualname,
            "stack": [[item.f_code.co_qualname, self.last_lines.get(id(item))] for item in chain],
            "frames": frames,
            "objects": table.objects,
        }
        data = json.dumps(record, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        while data:
            data = data[os.write(self.file, data) :]

    @staticmethod
    def variables(frame: types.FrameType) -> tuple[str, list[tuple[str, Any]]]:
        """The kind of a frame and its bound variables."""
        code = frame.f_code
        if not code.co_flags & _OPTIMIZED:
            if code.co_name == "<module>":
                hidden = MACHINERY | untold(frame)
                return "module", [
                    (name, value)
                    for name, value in list(dict.items(frame.f_globals))
                    if type(name) is str and name not in hidden
                ]
            if sys.version_info >= (3, 13) and code.co_varnames:
                return "class", []
            content = frame.f_locals
            if not any(base is dict for base in type(content).__mro__):
                return "class", []
            hidden = untold(frame)
            return "class", [
                (name, value)
                for name, value in list(dict.items(content))
                if type(name) is str and name not in hidden
            ]
        result = []
        content = frame.f_locals
        # Only the code's own names: a program may have added others to what locals() gave it.
        for name in dict.fromkeys((*code.co_varnames, *code.co_cellvars, *code.co_freevars)):
            if not name.startswith(".") and name not in unreadable(code):
                try:
                    result.append((name, content[name]))
                except KeyError:
                    pass
        return "function", result


def untold(frame: types.FrameType) -> frozenset[str]:
    """Names of the frame that cannot be asked for at this moment.

    While a comprehension runs inlined in a module or class, its variables are not in the namespace; what
    the namespace has under their names is something else.
    """
    now = frame.f_lasti
    running = {name for name, first, last in inlined(frame.f_code) if first <= now <= last}
    return unreadable(frame.f_code) | running


@functools.cache
def inlined(code: types.CodeType) -> tuple[tuple[str, int, int], ...]:
    """Variables of the comprehensions inlined in a module or class, with the offsets between which they live."""
    if code.co_flags & _OPTIMIZED:
        return ()
    found = []
    instructions = list(dis.get_instructions(code))
    for place, item in enumerate(instructions):
        if item.opname == "LOAD_FAST_AND_CLEAR":
            rest = instructions[place:]
            end = next(one.argval for one in rest if one.opname == "FOR_ITER")
            # It is put back behind the outermost loop.
            back = next(
                one.offset
                for one in rest
                if one.offset >= end and one.argval == item.argval and "STORE_FAST" in one.opname
            )
            found.append((item.argval, item.offset, back))
    return tuple(found)


@functools.cache
def unreadable(code: types.CodeType) -> frozenset[str]:
    """Names that `f_locals` does not have, or that it cannot be asked for: CPython 3.13.0 crashes.

    A variable of an inlined comprehension that another comprehension of the same function captures is
    sometimes a cell and sometimes not, and the proxy takes it for a cell always.
    """
    if not code.co_flags & _OPTIMIZED:
        # Cells of a class body: CPython 3.12 puts them into the namespace only when f_locals is asked.
        return frozenset({"__class__", "__classdict__"}.intersection(code.co_cellvars))
    # The namespace of a class around, which asking for that one's f_locals has changed.
    unknown = frozenset({"__classdict__"}.intersection(code.co_freevars))
    if sys.version_info < (3, 13):
        return unknown
    cleared = {
        item.argval for item in dis.get_instructions(code) if item.opname == "LOAD_FAST_AND_CLEAR"
    }
    return unknown | cleared.intersection(code.co_cellvars)


def main() -> None:
    """Run the program as `__main__`, as the interpreter itself would."""
    path, root, every, script = sys.argv[1:5]
    sys.argv[:] = sys.argv[4:]
    with open(script, "rb") as file:
        source = file.read()
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __loader__=importlib.machinery.SourceFileLoader("__main__", script),
        __annotations__={},
        __builtins__=sys.modules["builtins"],
        __file__=script,
        __cached__=None,
    )
    sys.modules["__main__"] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    code = compile(source, script, "exec", dont_inherit=True)
    tracer = Tracer(path, root, int(every))
    os.register_at_fork(after_in_child=tracer.stop)
    threading.settrace(tracer.on_call)
    sys.settrace(tracer.on_call)
    exec(code, module.__dict__)


if __name__ == "__main__":
    main()
