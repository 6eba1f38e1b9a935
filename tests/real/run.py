"""Runs programs that nobody here wrote, plain and recorded, and compares: ``python tests/real/run.py``.

    python tests/real/run.py [--keep DIRECTORY] [NAME…]

Installs the packages below (pinned) into a directory of their own with pip, runs each driver plain and
under ``escope record --include``, and checks that stdout, stderr and exit status are equal and that the
recording has at least 100,000 events in functions of at least 10 modules.  Prints one table row per program;
exits with 1 if anything is not as it should be.  With --keep the recordings stay in DIRECTORY; what to ask
them stands in docs/real-programs.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY))

EVENTS = 100_000
MODULES = 10
SECONDS = 600


@dataclass(frozen=True)
class Program:
    """One real program and how it is driven."""

    name: str
    packages: tuple[str, ...]
    include: tuple[str, ...]
    command: tuple[str, ...]


PROGRAMS = (
    Program(
        "sqlparse",
        ("sqlparse==0.6.1",),
        ("sqlparse",),
        ("-m", "sqlparse", "--reindent", "--keywords", "upper", "queries.sql"),
    ),
    Program("lark", ("lark==1.3.1",), ("lark",), ("parse_programs.py",)),
    Program(
        "hypercorn",
        ("hypercorn==0.18.0", "h11==0.16.0"),
        ("hypercorn", "h11"),
        ("serve_async.py",),
    ),
    Program("waitress", ("waitress==3.0.2",), ("waitress",), ("serve_threads.py",)),
)


@dataclass
class Run:
    """How one run ended."""

    status: int
    stdout: bytes
    stderr: bytes
    seconds: float


def install(packages: list[str], target: Path) -> None:
    """Install `packages` and what they need into `target`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
    command += ["--disable-pip-version-check", *packages]
    subprocess.run(command, check=True)


def run(command: list[str], folder: Path, packages: Path) -> Run:
    """Run `command` in `folder` with `packages` importable."""
    path = os.pathsep.join([str(packages), str(REPOSITORY)])
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def modules_of(recording: Path, packages: Path) -> tuple[int, set[str], dict[str, int]]:
    """The number of events, the modules in `packages` of which functions ran, and the labels by reason."""
    from escope.engine.replay.recording import Recording
    from escope.events import Kind

    with Recording.open(recording) as opened:
        modules = set()
        for event in opened.events(kinds={Kind.CALL}):
            if not event.function.endswith("<module>") and Path(event.file).is_relative_to(
                packages
            ):
                modules.add(event.file)
        info = opened.info()
        return info["events"], modules, info["labels"]


def check(program: Program, folder: Path, packages: Path, keep: Path | None) -> bool:
    """Run one program plain and recorded; print its row and what is wrong."""
    recording = folder / f"{program.name}.esr"
    plain = run([sys.executable, *program.command], folder, packages)
    options = [part for name in program.include for part in ("--include", name)]
    escope = [sys.executable, "-m", "escope", "record"]
    recorded = run(
        [*escope, "-o", str(recording), *options, *program.command],
        folder,
        packages,
    )
    stderr = [line for line in recorded.stderr.splitlines(True) if not line.startswith(b"escope: ")]
    problems = []
    if recorded.stdout != plain.stdout:
        problems.append(f"stdout differs: {recorded.stdout[-300:]!r}")
    if b"".join(stderr) != plain.stderr:
        problems.append(f"stderr differs: {b''.join(stderr)[-1500:].decode(errors='replace')}")
    if recorded.status != plain.status:
        problems.append(f"exit status {recorded.status}, plain {plain.status}")
    if not recording.exists():
        problems.append(f"no recording: {recorded.stderr.decode(errors='replace')[-500:]}")
        events, modules, labels, size = 0, set[str](), dict[str, int](), 0
    else:
        events, modules, labels = modules_of(recording, packages)
        size = recording.stat().st_size
        if events < EVENTS:
            problems.append(f"only {events} events")
        if len(modules) < MODULES:
            problems.append(f"only {len(modules)} modules: {sorted(modules)}")
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(recording, keep)
    print(
        f"| {program.name} | {events:,} | {len(modules)} | {size / max(events, 1):.1f} "
        f"| {plain.seconds:.1f} s | {recorded.seconds:.1f} s | {'no' if problems else 'yes'} "
        f"| {', '.join(f'{count} {label}' for label, count in labels.items() if count)} |",
        flush=True,
    )
    for problem in problems:
        print(f"    {program.name}: {problem}", flush=True)
    return not problems


def main() -> int:
    """Check the named programs, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keep", type=Path, help="copy the recordings into this directory")
    options = parser.parse_args()
    chosen = [item for item in PROGRAMS if not options.names or item.name in options.names]
    with tempfile.TemporaryDirectory(prefix="escope-real-") as work:
        folder = Path(work).resolve() / "drivers"
        packages = Path(work).resolve() / "site-packages"
        # Outside the repository, whose pyproject.toml would make all of it the programs' project.
        shutil.copytree(HERE / "drivers", folder)
        install([package for item in chosen for package in item.packages], packages)
        from escope.engine.capture.core import CORE

        # The checkout's own: the C core only where it was built in place (an editable installation).
        print(f"CPython {sys.version.split()[0]}, core {CORE}")
        print("| program | events | modules | bytes/event | plain | recorded | equal | labels |")
        print("|---|---|---|---|---|---|---|---|")
        results = [check(item, folder, packages, options.keep) for item in chosen]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
