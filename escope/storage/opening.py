"""Opening: finds out what lies at a path and who may read it: this process, or first an expendable one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from escope.errors import RecordingError
from escope.storage.archive import Archive
from escope.storage.control import Control, Stage
from escope.storage.directory import PartCommons, collector_works, directory_size
from escope.storage.live import Live
from escope.storage.process import process_alive
from escope.storage.processes import directory_of, sealed_of
from escope.storage.store import Store

_START_SECONDS = 10.0


def open_recording(path: str | os.PathLike[str]) -> Store:
    """The recording at `path`: a sealed file, or the directory of one that is not sealed.

    Where `path` does not exist, `path.part` is tried.  Raises RecordingError with one line that says why
    it cannot be opened.
    """
    name = os.fspath(path)
    if not os.path.lexists(name) and os.path.isdir(name + ".part"):
        name += ".part"
    if os.path.isdir(name):
        directory = Path(name)
        if _collected(directory):
            try:
                return Store(Live(directory), reopen=partial(_sealed, directory))
            except RecordingError:
                final = _final_of(directory)
                # It may have been sealed in this moment.
                if directory.exists() or final is None:
                    raise
                return Store(Archive(str(final)))
        return _recovered(directory)
    if not os.path.exists(name):
        raise RecordingError(f"{name}: no such recording")
    if not os.path.isfile(name):
        raise RecordingError(f"{name}: not a recording: not a file")
    return Store(Archive(name))


def _collected(directory: Path) -> bool:
    """Whether a collector is at work there; waits for one that is only starting."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        works = collector_works(directory)
        try:
            control = Control.attach(directory / "control", readonly=True)
        except RecordingError:
            return False
        starting = control.stage == Stage.STARTING
        launcher = control.launcher_pid
        control.close()
        if not starting or time.monotonic() > deadline or not (works or process_alive(launcher)):
            return works
        time.sleep(0.01)


def open_process(path: str, number: int) -> Store:
    """The stream of process `number`, not 0, of the recording at `path`, which is open as a file or directory.

    Raises RecordingError if it is not there, or damaged.
    """
    part = Path(path)
    if not part.is_dir():
        found = _sealed(part, number) if part.suffix == ".part" else Archive.inside(path, number)
        if found is None:
            raise RecordingError(f"{path}: no such recording")
        return Store(found)
    directory, sealed = directory_of(part, number), sealed_of(part, number)
    reopen = partial(_sealed, part, number)
    try:
        if sealed.is_file():
            return Store(Archive.beside(str(sealed), PartCommons(part)))
        return Store(Live(directory, part), reopen=reopen)
    except RecordingError:
        # It may have been sealed in this moment.
        if directory.exists() or (found := reopen()) is None:
            raise
        return Store(found)


def _sealed(part: Path, number: int = 0) -> Archive | None:
    """The sealed stream of a process whose recording was the directory `part`; None if there is none yet."""
    final = _final_of(part)
    if number and sealed_of(part, number).is_file():
        return Archive.beside(str(sealed_of(part, number)), PartCommons(part))
    if final is None or not final.is_file():
        return None
    return Archive.inside(str(final), number) if number else Archive(str(final))


def _final_of(directory: Path) -> Path | None:
    return directory.with_suffix("") if directory.suffix == ".part" else None


def _recovered(directory: Path) -> Store:
    """The store of a directory whose collector is gone; the work is done by an expendable process."""
    if not (directory / "manifest.json").is_file():
        raise RecordingError(f"{directory}: not a recording: it has no manifest")
    folder = Path(tempfile.mkdtemp(prefix="escope-"))
    out = folder / "recovered.esr"
    try:
        command = [sys.executable, "-P", "-m", "escope.storage.recover", str(directory), str(out)]
        root = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        seconds = 60 + directory_size(directory) / 2e6
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": search},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RecordingError(
                f"{directory}: recovery took more than {seconds:.0f} s: it is damaged"
            ) from None
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            raise RecordingError(
                f"{directory}: its files are damaged: reading them ended in {name}"
            )
        if done.returncode:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it is damaged"]
            raise RecordingError(lines[-1][:500])
        store = Store(Archive(str(out)), folder=folder)
        store.manifest["sealed"] = False
        return store
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
