"""The runner: inside a recorded process, runs SCRIPT, `-m MODULE` or `-c TEXT` as plain Python would.

The launcher starts an interpreter with a `-c` text that loads escope from one given place, whatever
`sys.path` says, and calls `main`.  Everything that the program could see of that start is
put back before its first line runs: `sys.path`, `sys.argv`, `sys.orig_argv`, the attributes of `__main__`,
the signal mask.  What stays different lies in one place: two frames (`<string>` and `main`) below the
program's own, which tracebacks of uncaught exceptions do not show.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import warnings
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from escope.config import CaptureLimits
from escope.engine import capture
from escope.engine.capture.loader import RecordingFinder, instrumented
from escope.engine.capture.own_builtins import own_builtins
from escope.engine.capture.scope import ESCOPE, Scope

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder

_MAIN_NAMES = (
    "__name__",
    "__doc__",
    "__package__",
    "__loader__",
    "__spec__",
    "__annotations__",
    "__builtins__",
)
"""What CPython puts into a fresh `__main__`."""


_MULTIPROCESSING = "from multiprocessing."
"""How the texts begin with which `multiprocessing` starts interpreters."""

_SEARCHING = ("<string>", "<frozen runpy>", "<frozen importlib.", "<frozen zipimport>")
"""Where the bootstrap and what searches for a module come from."""


def main(before: set[str]) -> None:
    """Start the recorder, then run the program; `before` names the modules that plain Python has by now.

    The arguments are `-c ROOT LIBRARY SETTINGS TARGET [ARG…]`, SETTINGS being what `launch.program` wrote,
    or `spawns` for a child of a process that is recorded.

    Kept short for programs that run out of memory: CPython makes an integer of the place of a call in order to
    enter a handler around it, and where it cannot, tries again for ever.  The small ones it always has.
    """
    mode, target, plain, recorder = _prepare(before)
    namespace = sys.modules["__main__"].__dict__
    try:
        if mode == "c":
            exec(_compile_text(target, recorder, plain), namespace)
        elif mode == "script":
            exec(_compile_script(target, recorder, plain, namespace), namespace)
        else:
            import runpy

            try:
                runpy._run_module_as_main(  # type: ignore[attr-defined]
                    target if mode == "m" else "__main__", mode == "m"
                )
            except BaseException as error:
                if recorder is not None and _only_looked_for(error.__traceback__):
                    recorder.control.never_started = 1
                raise
    except SystemExit:
        raise
    except BaseException:
        _Uncaught.install()
        raise


def _prepare(before: set[str]) -> tuple[str, str, list[str], Recorder | None]:
    """Start the recorder, and make the interpreter look as if the program had been started by it.

    Return how the program is run (`c`, `m`, `script`, or `container` for a directory or archive), what is run, the
    command line that stands for it without escope, and the recorder.
    """
    settings: dict[str, Any] = json.loads(sys.argv[3])
    target, arguments = sys.argv[4], sys.argv[5:]
    flags = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) - 1]
    namespace = sys.modules["__main__"].__dict__
    for name in [name for name in namespace if name not in _MAIN_NAMES]:
        del namespace[name]
    if settings["terminal"]:
        # The leader of a session without a terminal gets the first one that it opens.
        os.close(os.open(os.ttyname(0), os.O_RDWR))
    mode = settings["mode"]
    recorder, finder = _start(settings, target)
    sys.path.remove(sys.argv[2])

    way = [] if mode == "script" else [f"-{mode}"]
    plain = settings.get("plain") or [*flags, *way, target, *arguments]
    sys.orig_argv[1:] = plain
    sys.argv[:] = [way[0] if way else target, *arguments]
    container = mode == "script" and _is_container(target)
    if container or not sys.flags.safe_path:
        if container:
            home = os.getcwd() if target == "." else os.path.join(os.getcwd(), target)
        elif mode == "c":
            home = ""
        else:
            home = os.getcwd() if mode == "m" else os.path.dirname(os.path.realpath(target))
        sys.path.insert(0, home)
        _give_back(before, home)
    if finder is not None and (mode == "m" or container):
        finder.mains = frozenset({"__main__", target, f"{target}.__main__"})
    if settings["mask"] is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, settings["mask"])
    return "container" if container else mode, target, plain, recorder


def _compile_script(
    target: str, recorder: Recorder | None, plain: list[str], namespace: dict[str, Any]
) -> CodeType:
    """Return the code of a script, with probes if there is a recorder, and name it in its namespace."""
    path = os.path.join(os.getcwd(), target)
    try:
        code = _compile(path, recorder)
    except (SyntaxError, ValueError):
        if not os.path.isfile(path):
            raise
        _leave_to_python(recorder, plain)
    except OSError:
        _leave_to_python(recorder, plain)
    namespace["__file__"] = path
    namespace["__cached__"] = None
    namespace["__loader__"] = SourceFileLoader("__main__", path)
    return code


def _only_looked_for(tb: TracebackType | None) -> bool:
    """Return whether an exception comes from `runpy`'s search for a module, not from code that it ran."""
    while tb is not None:
        code = tb.tb_frame.f_code
        searches = code.co_filename.startswith((ESCOPE + os.sep, *_SEARCHING))
        if code.co_name == "_run_code" or not searches:
            return False
        tb = tb.tb_next
    return True


def _start(settings: dict[str, Any], target: str) -> tuple[Recorder | None, RecordingFinder | None]:
    """Return the running recorder and its finder; None, after one warning, if it cannot start."""
    process = settings.get("process")
    try:
        # Here, because whatever is wrong with the recorder, the program runs.
        capture.core_of_parent = settings.get("core", "")
        with own_builtins():
            from escope.engine.capture.cache import CodeCache
            from escope.engine.capture.core import CORE, recorder_class
            from escope.engine.capture.forks import Forks
            from escope.engine.capture.newcomer import Newcomer
            from escope.engine.capture.spawns import Spawns, own_bootstrap

            recorder_type = recorder_class()
        scope = _scope(settings, target)
        part = Path(settings["part"])
        recorder = recorder_type.start(
            part,
            CaptureLimits(),
            settings["predicates"],
            None if process is None else Newcomer.from_json(part, process),
        )
        if settings["cache"] is not None:
            recorder.cache = CodeCache(settings["cache"])
        children = settings["children"]
        Forks(recorder, part if children else None).attach()
        if children:
            inherited = {**settings, "scope": scope.to_json(), "core": CORE}
            inherited.update(mask=None, terminal=False)
            Spawns(recorder, part, own_bootstrap(), inherited).attach()
        finder = RecordingFinder(recorder, scope)
        finder.install()
    except Exception as error:
        if process is None:
            print(f"escope: not recording: {type(error).__name__}: {error}", file=sys.stderr)
        else:
            # It comes too late for a recording that is complete, say; it goes its way without a word.
            from escope.engine.capture.newcomer import Newcomer

            Newcomer.from_json(Path(settings["part"]), process).claim.cancel()
        return None, None
    # Registered first, so that it runs last: what the program's own exit functions do is recorded.
    atexit.register(_stop, recorder, finder)
    return recorder, finder


def _stop(recorder: Recorder, finder: RecordingFinder) -> None:
    """End the recording, unless this is a child of the process that was recorded."""
    if recorder.on:
        finder.account()
    recorder.stop()


def _scope(settings: dict[str, Any], target: str) -> Scope:
    if "scope" in settings:
        return Scope.from_json(settings["scope"])
    of = Scope.of_module if settings["mode"] == "m" else Scope.of_script
    return of(target, include=settings["include"], exclude=settings["exclude"])


def _leave_to_python(recorder: Recorder | None, plain: list[str]) -> NoReturn:
    """Let Python itself find out what is wrong with the program: it words this best."""
    if recorder is not None:
        recorder.control.never_started = 1
        recorder.stop()
    os.execv(sys.executable, [sys.executable, *plain])


def _compile_text(text: str, recorder: Recorder | None, plain: list[str]) -> CodeType:
    """Return the code of a `-c` text, with probes if there is a recorder."""
    linecache: Any = sys.modules.get("linecache")
    if hasattr(linecache, "cache"):
        # CPython 3.13.0 has put the text of the bootstrap there.
        linecache.cache.pop("<string>", None)
    try:
        with warnings.catch_warnings(record=True) as caught:
            code = compile(text, "<string>", "exec", dont_inherit=True)
        source = text.encode()
    except (SyntaxError, ValueError):
        _leave_to_python(recorder, plain)
    for one in caught:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    register = getattr(linecache, "_register_code", None)
    if register is not None:
        # Tracebacks show the lines of such a text from 3.13 on; 3.13.0 goes by the name, later ones by the code.
        register(code if hasattr(linecache, "_interactive_cache") else "<string>", text, "<string>")
    if recorder is None:
        return code
    if text.startswith(_MULTIPROCESSING):
        # Its text is nobody's program; the one that it is about to run is.
        _prepare_path_runs(recorder)
        return code
    return instrumented(recorder, code, "__main__", source)


def _prepare_path_runs(recorder: Recorder) -> None:
    """Instrument what `multiprocessing` runs by its path, once: the main module of the parent."""
    import runpy

    name = "_get_code_from_file"
    plain = getattr(runpy, name)

    def get_code_from_file(*arguments: Any) -> Any:
        setattr(runpy, name, plain)
        found = plain(*arguments)
        code = found if isinstance(found, CodeType) else found[0]
        try:
            with open(code.co_filename, "rb") as file:
                source = file.read()
        except OSError:
            return found
        code = instrumented(recorder, code, "__mp_main__", source)
        return code if isinstance(found, CodeType) else (code, *found[1:])

    setattr(runpy, name, get_code_from_file)


def _compile(path: str, recorder: Recorder | None) -> CodeType:
    """Return the script's code, with probes if there is a recorder."""
    with open(path, "rb") as file:
        source = file.read()
    # Shown once it is clear that this is the compilation that counts.
    with warnings.catch_warnings(record=True) as caught:
        code = compile(source, path, "exec", dont_inherit=True)
    for one in caught:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return code if recorder is None else instrumented(recorder, code, "__main__", source)


def _is_container(target: str) -> bool:
    """Return whether Python would look for a `__main__` in `target`: a directory or a zip file."""
    for hook in sys.path_hooks:
        try:
            hook(target)
        except ImportError:
            continue
        return True
    return False


def _give_back(before: set[str], home: str) -> None:
    """Forget modules that the recorder has loaded and that the program has files of its own for.

    `home` is the first entry of `sys.path`.  The recorder keeps its references.
    """
    try:
        names = set(os.listdir(home))
    except OSError:
        return
    loaded = [name for name in sys.modules if name not in before]
    for top in {name.partition(".")[0] for name in loaded}:
        if f"{top}.py" not in names and top not in names:
            continue
        file = getattr(sys.modules.get(top), "__file__", None)
        if file is None or os.path.dirname(file) in (home, os.path.join(home, top)):
            continue
        for name in loaded:
            if name == top or name.startswith(f"{top}."):
                del sys.modules[name]


class _Uncaught:
    """Takes the place of `sys.excepthook` for the moment in which the interpreter calls it."""

    def __init__(self, hook: Any) -> None:
        self.hook = hook

    @classmethod
    def install(cls) -> None:
        """Wrap the current hook; only the way out of the program lies between here and its call."""
        hook = getattr(sys, "excepthook", None)
        if hook is not None:
            sys.excepthook = cls(hook)

    def __call__(
        self, kind: type[BaseException], error: BaseException, tb: TracebackType | None
    ) -> None:
        sys.excepthook = self.hook
        tb = _without_escope(tb)
        sys.last_traceback = tb
        error.__traceback__ = tb
        try:
            self.hook(kind, error, tb)
        except SystemExit:
            raise
        except BaseException as failure:
            # As the interpreter itself puts it.
            shown = _without_escope(failure.__traceback__)
            print("Error in sys.excepthook:", file=sys.stderr)
            sys.__excepthook__(type(failure), failure.with_traceback(shown), shown)
            print("\nOriginal exception was:", file=sys.stderr)
            sys.__excepthook__(kind, error, tb)


def _without_escope(tb: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the frames of escope and of its bootstrap."""
    first: TracebackType | None = None
    last: TracebackType | None = None
    bottom = tb is not None and tb.tb_frame.f_back is None
    while tb is not None:
        following = tb.tb_next
        if not bottom and not tb.tb_frame.f_code.co_filename.startswith(ESCOPE + os.sep):
            if last is None:
                first = tb
            else:
                last.tb_next = tb
            last = tb
        bottom = False
        tb = following
    if last is not None:
        last.tb_next = None
    return first
