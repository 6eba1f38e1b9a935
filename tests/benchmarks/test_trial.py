"""A run is measured, or ended, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from benchmarks import trial

ROOT = Path(__file__).parents[2]


def processes_below(folder: Path) -> list[str]:
    """Return the command lines of processes that name `folder` or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in words or str(folder) in os.readlink(entry / "cwd"):
                found.append(words)
        except OSError:
            continue
    return found


def test_run_says_how_it_ended(tmp_path: Path) -> None:
    text = "import sys; print('out'); print('no such luck', file=sys.stderr); sys.exit(3)"
    done = trial.run([sys.executable, "-c", text], tmp_path, os.environ, 60)
    assert (done.status, done.stdout, done.report) == (3, "out\n", None)
    assert done.failure == "status 3: no such luck"
    assert 0 < done.seconds < 60


def test_run_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    text = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    )
    # In a process of its own, which may become the parent of orphans.
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from benchmarks import trial\n"
        "trial.adopt_orphans()\n"
        f"done = trial.run([sys.executable, '-c', {text!r}], Path(sys.argv[1]), os.environ, 1.5)\n"
        "print(done.status, done.failure)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("None exceeded ")
    assert processes_below(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_interrupted_benchmark_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "capture.py")]
    command += ["--only", "server", "--contender", "escope", "--rounds", "1000"]
    errors = tmp_path / "errors"
    with open(errors, "wb") as stream:
        process = subprocess.Popen(
            command,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
    try:
        until = monotonic() + 60
        # Not before a recording is being made.
        while not list(tmp_path.glob("*/trial-*/*.esr.part/ring")):
            assert process.poll() is None, errors.read_text("utf-8")
            assert monotonic() < until
            sleep(0.01)
        process.send_signal(number)
        assert process.wait(60) == 130, errors.read_text("utf-8")
    finally:
        process.kill()
        process.wait()
    assert processes_below(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["errors"]
