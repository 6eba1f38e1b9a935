"""Runs a program three times and compares; see the package's docstring for what has to be equal."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracle.compare import Comparison, Difference, Tally

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PROGRAMS = HERE / "programs"
SECONDS = 120.0
EVERY = 16
"""At each of so many line moments all frames of a thread are compared, beside those after calls and returns."""
SHARE = 0.98
CUT_SHORT = "oracle: the trace function ends early"

Place = tuple[str, int, str]


@dataclass(slots=True)
class Ended:
    """How a run ended and what it wrote."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(slots=True)
class Result:
    """Everything that the comparison of one program found."""

    program: str
    tally: Tally = field(default_factory=Tally)
    problems: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    cut_short: bool = False
    """The program has no room for a trace function; only what that saw before is compared."""

    @property
    def unlabelled(self) -> float:
        """The share of values without a label."""
        if not self.tally.values:
            return 1.0
        return 1 - sum(self.tally.labels.values()) / self.tally.values

    @property
    def agrees(self) -> bool:
        """Whether nothing differs without a label."""
        return not self.problems and not self.tally.total

    def report(self) -> str:
        """The result as text, the first differences in full."""
        tally = self.tally
        verdict = "agrees" if self.agrees else "DIFFERS"
        lines = [
            f"{self.program}: {verdict}: {tally.moments} line moments, {tally.values} values, "
            f"{self.unlabelled:.2%} unlabelled, {self.info.get('events')} events, "
            f"{self.seconds:.1f} s"
        ]
        if tally.labels:
            lines.append("   labels " + ", ".join(f"{k} {v}" for k, v in tally.labels.items()))
            if self.unlabelled < SHARE:
                most = tally.labelled_places.most_common(6)
                lines.extend(f"      {count} x {place}" for place, count in most)
        lines.extend(f"   {problem}" for problem in self.problems)
        if tally.total:
            lines.append(f"   {tally.total} values differ, the first {len(tally.differences)}:")
            lines.extend(f"   {difference}" for difference in tally.differences)
        return "\n".join(lines)


def environment() -> dict[str, str]:
    """The environment of all runs: no coverage, no user site, a fixed hash seed."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR", "ESCOPE_CORE", "ESCOPE_CACHE"}
    result = {name: os.environ[name] for name in kept if name in os.environ}
    result.update(PYTHONHASHSEED="0", PYTHONPATH=str(REPOSITORY), PYTHONDONTWRITEBYTECODE="1")
    return result


def run(
    command: list[str],
    directory: Path,
    core: str | None = None,
    cache: str | None = None,
    seconds: float = SECONDS,
) -> Ended:
    """Run `command` to its end, with a given capture core or code cache if need be; standard input is empty."""
    chosen = {} if core is None else {"ESCOPE_CORE": core}
    if cache is not None:
        chosen["ESCOPE_CACHE"] = cache
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment() | chosen,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def narration(stderr: bytes) -> tuple[bytes, bytes]:
    """Split what ``escope record`` wrote to stderr into the program's part and escope's own lines."""
    program, found, own = stderr.rpartition(b"escope: ")
    return (program, found + own) if found else (stderr, b"")


def snapshots(path: Path) -> Iterator[dict[str, Any]]:
    """The tracer's snapshots, in order; a line cut short by the program's end is left out."""
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line.decode("utf-8", "surrogatepass"))


def check(
    program: Path,
    keep: Path | None = None,
    every: int = EVERY,
    seconds: float = SECONDS,
    beside: Sequence[Path] = (),
) -> Result:
    """Run `program` plain, traced and recorded and compare; a copy of the recording goes to `keep`.

    All frames are compared at each `every`-th line moment; a run may take `seconds`.  Packages `beside` the
    program are copied with it and belong to it.
    """
    started = time.monotonic()
    result = Result(program.stem)
    result.cut_short = CUT_SHORT in program.read_text()
    with tempfile.TemporaryDirectory(prefix="escope-oracle-") as folder:
        root = Path(folder).resolve() / "program"
        root.mkdir()
        script = root / program.name
        shutil.copy(program, script)
        parts = program.with_name(program.stem + "_parts")
        if parts.is_dir():
            shutil.copytree(parts, root / parts.name)
        for package in beside:
            shutil.copytree(package, root / package.name)
        _check(result, root, script, Path(folder), keep, every, seconds)
    result.seconds = time.monotonic() - started
    return result


def _check(
    result: Result,
    root: Path,
    script: Path,
    folder: Path,
    keep: Path | None,
    every: int,
    seconds: float,
) -> None:
    written, recording = folder / "snapshots", folder / "run.esr"
    python = [sys.executable]
    tracer = [*python, str(HERE / "tracer.py"), str(written), str(root), str(every)]
    plain = run([*python, str(script)], root, seconds=seconds)
    traced = run([*tracer, str(script)], root, seconds=seconds)
    if traced.stdout != plain.stdout:
        result.problems.append(
            "the program itself behaves differently under a trace function:\n"
            + _text_difference(plain.stdout, traced.stdout)
            + traced.stderr.decode(errors="replace")[-2000:]
        )
    escope = [*python, "-m", "escope", "record", "-o", str(recording)]
    recorded = run([*escope, str(script)], root, seconds=seconds)
    if recorded.status != plain.status:
        result.problems.append(f"exit status {recorded.status}, plain {plain.status}")
    if recorded.stdout != plain.stdout:
        result.problems.append("stdout:\n" + _text_difference(plain.stdout, recorded.stdout))
    stderr, own = narration(recorded.stderr)
    if stderr != plain.stderr:
        result.problems.append("stderr:\n" + _text_difference(plain.stderr, stderr))
    if b"; partial: " in own:
        result.problems.append(own.decode(errors="replace").strip())
    if not recording.exists():
        result.problems.append("no recording: " + own.decode(errors="replace"))
        return
    if keep is not None:
        shutil.copy(recording, keep)
    compare(result, list(snapshots(written)), recording, root)


def compare(result: Result, expected: list[dict[str, Any]], recording: Path, root: Path) -> None:
    """Compare the tracer's snapshots with `recording`; what differs goes to `result`."""
    from tests.oracle.recorded import RecordedRun

    got = RecordedRun(recording, root)
    try:
        result.info = got.info
        for entry in got.info.get("skipped", []):
            if str(root) in str(entry.get("file", "")):
                result.problems.append(f"not instrumented: {entry}")
        by_thread: dict[str, list[dict[str, Any]]] = {}
        for item in expected:
            by_thread.setdefault(item["thread"], []).append(item)
        for thread in {**by_thread, **got.moments}:
            mine = by_thread.get(thread, [])
            theirs = got.moments.get(thread, [])
            if not theirs:
                result.problems.append(
                    f"thread {thread!r} has no line moments; there are {sorted(got.moments)}"
                )
                continue
            for snapshot, seq in _aligned(result, thread, mine, theirs):
                _compare_moment(result.tally, got, thread, snapshot, seq)
        for label, objects in result.tally.labelled_objects.items():
            if got.info["labels"].get(label, 0) < len(objects):
                result.problems.append(
                    f"info counts {got.info['labels'].get(label, 0)} values as {label}; "
                    f"{len(objects)} objects were met that are"
                )
        for label in result.tally.labels:
            if not got.info["labels"].get(label):
                result.problems.append(f"info counts no value as {label}")
    finally:
        got.close()


def _aligned(
    result: Result, thread: str, mine: list[dict[str, Any]], theirs: list[tuple[int, Place]]
) -> Iterator[tuple[dict[str, Any], int]]:
    places = [(item["file"], item["line"], item["function"]) for item in mine]
    found = [place for _, place in theirs]
    if result.cut_short and mine:
        # The trace function itself had no room left: what it saw before has to agree.
        mine, places = mine[:-1], places[:-1]
        theirs, found = theirs[: len(mine)], found[: len(mine)]
    if places == found:
        for item, (seq, _) in zip(mine, theirs, strict=True):
            yield item, seq
        return
    matcher = difflib.SequenceMatcher(None, places, found, autojunk=False)
    shown = 0
    for tag, low, high, other, end in matcher.get_opcodes():
        if tag == "equal":
            for offset in range(high - low):
                yield mine[low + offset], theirs[other + offset][0]
            continue
        shown += 1
        if shown <= 6:
            before = places[low - 1] if low else None
            result.problems.append(
                f"line moments of {thread} after {_place(before)}: expected "
                f"{_places(places[low:high])}, got {_places(found[other:end])}"
            )
    if shown > 6:
        result.problems.append(f"line moments of {thread}: {shown - 6} more places differ")


def _compare_moment(
    tally: Tally, got: Any, thread: str, snapshot: dict[str, Any], seq: int
) -> None:
    tally.moments += 1
    place = f"seq {seq} {_place((snapshot['file'], snapshot['line'], snapshot['function']))}"
    try:
        frames = got.frames(thread, seq)
        stack = [[frame.function, frame.line] for frame in frames]
        if stack != snapshot["stack"]:
            tally.differ(place, "stack", snapshot["stack"], stack)
            if len(stack) != len(snapshot["stack"]):
                return
        comparison = Comparison(tally, place, snapshot["objects"])
        for index, kind, variables, unread in snapshot["frames"]:
            frame = frames[index]
            seen = {k: v for k, v in frame.variables.items() if k not in unread}
            comparison.frame(frame.function, kind, variables, seen)
    except Exception as error:
        import traceback

        where = traceback.extract_tb(error.__traceback__)[-1]
        tally.differ(
            place, "the state", "readable", f"{error!r} at {where.filename}:{where.lineno}"
        )


def _place(place: Place | None) -> str:
    return "the start" if place is None else f"{place[0]}:{place[1]} {place[2]}"


def _places(places: list[Place]) -> str:
    text = ", ".join(f"{line} {function}" for _, line, function in places[:6])
    more = f" and {len(places) - 6} more" if len(places) > 6 else ""
    return f"[{text}]{more}"


def _text_difference(expected: bytes, got: bytes) -> str:
    lines = difflib.unified_diff(
        expected.decode(errors="replace").splitlines(),
        got.decode(errors="replace").splitlines(),
        "plain",
        "recorded",
        lineterm="",
        n=1,
    )
    return "\n".join("      " + line for line in list(lines)[:24])


def programs(names: list[str] | None = None) -> list[Path]:
    """The programs that the running interpreter can run; `names` picks some by stem or path."""
    if names:
        return [Path(name) if name.endswith(".py") else PROGRAMS / f"{name}.py" for name in names]
    return [path for path in sorted(PROGRAMS.glob("*.py")) if _fits(path.stem)]


def _fits(stem: str) -> bool:
    _, mark, version = stem.rpartition("_py3")
    return not (mark and version.isdigit()) or sys.version_info >= (3, int(version))


__all__ = ["Difference", "Result", "check", "compare", "programs", "run", "snapshots"]
