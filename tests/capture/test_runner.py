"""The runner: a recorded program behaves as it does under plain Python."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.launch.recording import plain, recorded

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")

IDENTITY = """
import os, signal, sys, threading, atexit
print(__name__, __file__, __spec__, __package__, __doc__, __cached__)
print(type(__loader__), vars(__loader__), sorted(globals()))
print(sys.argv, sys.orig_argv, sys.path, sys.flags, sys.warnoptions)
print(sys.stdin.readline(), [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)])
print(sorted(os.environ.items()))
print([signal.getsignal(number) for number in range(1, 32)], signal.pthread_sigmask(0, ()))
print(sys.excepthook is sys.__excepthook__, type(sys.stdout), sys.gettrace(), sys.getprofile())
def late():
    import time
    time.sleep(0.05)
    print("late")
threading.Thread(target=late).start()
atexit.register(print, "at exit")
"""

PROGRAMS = {
    "identity": IDENTITY,
    "uncaught": """
def f(n):
    if n == 0:
        raise ValueError("bad")
    f(n - 1)
try:
    f(2)
except ValueError as error:
    raise KeyError("worse") from error
""",
    "group": "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])\n",
    "exit_text": "import sys\nsys.exit('bye')\n",
    "exit_number": "raise SystemExit(7)\n",
    "interrupt": "raise KeyboardInterrupt\n",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "terminated": "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "hard_exit": "import os\nprint('lost')\nos._exit(9)\n",
    "syntax": "def f(:\n    pass\n",
    "indentation": "def f():\n    x\n  y\n",
    "tabs": "if 1:\n\tx\n        y\n",
    "nul": "x = 1\0\n",
    "encoding": "# coding: no-such-encoding\n",
    "outside": "return 5\n",
    "open_bracket": "x = (1,\n",
    "escape_warning": "x = '\\d'\nprint(x)\n",
    "hook": "import sys\nsys.excepthook = lambda *a: print('hook', a[1])\nraise ValueError(1)\n",
    "bad_hook": "import sys\ndef h(t, v, tb):\n    1 / 0\nsys.excepthook = h\nraise ValueError(1)\n",
    "exit_in_hook": "import sys\nsys.excepthook = lambda *a: sys.exit(4)\nraise ValueError(1)\n",
    "exit_in_atexit": "import atexit\natexit.register(lambda: 1 / 0)\nprint('end')\n",
    "missing_import": "import escopetest_missing\n",
    "bad_import": "import badmodule\n",
    "failing_import": "import failing\n",
    "shadow": "import json\nprint(json.MINE, json.__file__)\n",
    "last": """
import sys, atexit
def report():
    tb, names = sys.last_traceback, []
    while tb is not None:
        names.append(tb.tb_frame.f_code.co_name)
        tb = tb.tb_next
    print(names, repr(sys.last_value))
atexit.register(report)
def f():
    raise ValueError("v")
f()
""",
    "no_exec_frames": "import sys\nprint(sys._getframe().f_code.co_name, __builtins__)\n",
    "unraisable": "class A:\n    def __del__(self):\n        raise ValueError('del')\nA()\nprint('on')\n",
    "thread_error": "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()\n",
    "recursion": "def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError:\n    print(1)\n",
    "multiprocess": """
import multiprocessing
def double(n):
    return n * 2
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(double, [1, 2]))
""",
    "forked": """
import os, sys
print("before", flush=True)
pid = os.fork()
if not pid:
    print("child", flush=True)
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""",
    "replaced": """
import os, sys
os.execv(sys.executable, [sys.executable, "-c", "print(5); raise SystemExit(6)"])
""",
    "subprocess": """
import subprocess, sys
code = "import os, sys; print(sorted(os.environ.items()), sys.path, sys.flags)"
print(subprocess.run([sys.executable, "-c", code], capture_output=True).stdout)
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "badmodule.py").write_text("x = = 1\n")
    (tmp_path / "failing.py").write_text("def g():\n    raise RuntimeError('r')\ng()\n")
    (tmp_path / "json.py").write_text("MINE = True\n")
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("print('package', __name__)\n")
    (package / "__main__.py").write_text(
        "import sys\nprint(__name__, __spec__, __package__, sys.argv, sys.path[0], sys.orig_argv)\n"
        "raise ValueError(3)\n"
    )
    (package / "mod.py").write_text("from . import sub\nprint(__name__, __spec__, __file__)\n")
    (package / "sub.py").write_text("print(__loader__, vars(__loader__), __cached__)\n")
    (package / "bad.py").write_text("x = (\n")
    return tmp_path


def compare(
    arguments: Sequence[str], folder: Path, flags: Sequence[str] = (), given: str = "a line\n"
) -> None:
    """The two runs give the same bytes and end in the same way."""
    expected = plain(arguments, folder, flags, given)
    found = recorded(arguments, folder, flags, given)
    assert found.status == expected.status, found.err
    assert ADDRESS.sub("@", found.out) == ADDRESS.sub("@", expected.out)
    assert ADDRESS.sub("@", found.plain_err) == ADDRESS.sub("@", expected.err)
    assert len(found.narration) == 1


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_a_script_behaves_as_under_plain_python(name: str, folder: Path) -> None:
    (folder / f"{name}.py").write_text(PROGRAMS[name])
    compare([f"{name}.py", "a", "--b", "c d"], folder)


@pytest.mark.parametrize(
    "module",
    ["pkg", "pkg.mod", "pkg.nothing", "escopetest_missing", "pkg.bad", "pkg.mod.x", "identity"],
)
def test_a_module_behaves_as_under_plain_python(module: str, folder: Path) -> None:
    (folder / "identity.py").write_text(IDENTITY)
    compare(["-m", module, "a", "--force"], folder)


@pytest.mark.parametrize("target", ["pkg", ".", "empty", "app.zip", "./pkg/../identity.py"])
def test_directories_zip_files_and_odd_paths_behave_as_under_plain_python(
    target: str, folder: Path
) -> None:
    (folder / "identity.py").write_text(IDENTITY)
    (folder / "empty").mkdir()
    with zipfile.ZipFile(folder / "app.zip", "w") as archive:
        archive.writestr(
            "__main__.py", "import other, sys\nprint(sys.path[0])\nraise ValueError(2)\n"
        )
        archive.writestr("other.py", "print(__file__)\n")
    compare([target, "z"], folder)


@pytest.mark.parametrize(
    "flags", [["-O"], ["-W", "error"], ["-X", "dev", "-B", "-u"], ["-P"], ["-bb", "-q"]]
)
def test_options_of_the_interpreter_reach_the_program(flags: list[str], folder: Path) -> None:
    (folder / "identity.py").write_text(IDENTITY)
    compare(["identity.py"], folder, flags)


def test_the_program_does_not_find_heavy_modules_loaded(folder: Path) -> None:
    (folder / "modules.py").write_text(
        "import sys\n"
        "heavy = {'click', 'lmdb', 'networkx', 'numpy', 'textual', 'rich', 'zstandard', 'pygments'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    assert recorded(["modules.py"], folder).out == "[]\n"
