"""Test suites of packages from their source distributions: same results, and the lines coverage.py reports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.long.outcome import Outcome
from tests.long.process import Ended, environment, run
from tests.long.recorded import look_at, not_instrumented

HERE = Path(__file__).parent
SECONDS = 1800.0
TOOLS = ("coverage==7.11.0", "pytest==8.4.2")

Lines = set[tuple[str, int]]
"""Lines of the package by file, relative to the unpacked source."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One package of `suites.toml`."""

    name: str
    version: str
    path: str
    packages: list[str]
    tests: list[str]
    needs: list[str]
    options: list[str]


def suites() -> dict[str, Suite]:
    """The packages by name."""
    entries = tomllib.loads((HERE / "suites.toml").read_text())
    return {name: Suite(name, **{"options": [], **entry}) for name, entry in entries.items()}


def units() -> list[str]:
    """The names of the packages."""
    return list(suites())


def check(unit: str, core: str, seed: int) -> Outcome:
    """Run one suite plain, under coverage.py, and recorded; compare the results, and the lines of the package."""
    suite, outcome = suites()[unit], Outcome()
    source, tools = fetched(suite)
    with tempfile.TemporaryDirectory(prefix="escope-long-") as folder:
        work = Path(folder).resolve()
        plain = _run(suite, source, tools, core, work / "plain", [])
        covering = ["-m", "coverage", "run", f"--data-file={work / 'lines'}"]
        covering += [f"--source={','.join(suite.packages)}"]
        covered = _run(suite, source, tools, core, work / "covered", covering)
        include = [part for name in suite.packages for part in ("--include", name)]
        recording = work / "run.esr"
        escope = ["-m", "escope", "record", "-o", str(recording), *include]
        recorded = _run(suite, source, tools, core, work / "recorded", escope)
        results = plain.results
        if not results or plain.results != covered.results:
            outcome.problems.append(f"the suite is not the same under coverage.py: {plain.tail}")
            return outcome
        outcome.counts.update(tests=results.total(), seconds=round(recorded.ended.seconds))
        outcome.counts.update(Counter(how for _, how in results.elements()))
        for test, how in sorted((results - recorded.results).keys()):
            others = [other for name, other in recorded.results if name == test]
            outcome.problems.append(f"{test}: plain {how}, recorded {others or 'not run'}")
        if plain.ended.status != recorded.ended.status:
            outcome.problems.append(f"plain {plain.ended.how()}, recorded {recorded.ended.how()}")
        info = look_at(recording, recorded.ended.stderr, outcome)
        if info:
            # Tests that lie in the package are loaded by pytest itself, which rewrites their assertions.
            outcome.problems += [
                problem
                for problem in not_instrumented(info, suite.packages)
                if not problem.endswith("loaded by AssertionRewritingHook")
            ]
            mine = _recorded_lines(recording, suite, recorded.source)
            theirs = _covered_lines(work / "lines", suite, covered.source, tools)
            outcome.counts["lines"] = len(theirs)
            _compare_lines(mine, theirs, outcome)
    return outcome


def _compare_lines(mine: Lines, theirs: Lines, outcome: Outcome) -> None:
    for words, lines in (("only recorded", mine - theirs), ("only covered", theirs - mine)):
        if lines:
            shown = ", ".join(f"{file}:{line}" for file, line in sorted(lines)[:20])
            outcome.problems.append(f"{len(lines)} lines {words}: {shown}")


@dataclass(frozen=True, slots=True)
class _Ran:
    """One run of a suite, and the copy of the source that it ran in."""

    source: Path
    ended: Ended
    results: Counter[tuple[str, str]]
    """How often a test of that name ended in that way."""

    @property
    def tail(self) -> str:
        """The end of what pytest said."""
        return f"{self.ended.how()}: {(self.ended.stdout + self.ended.stderr)[-600:]}"


def _run(suite: Suite, source: Path, tools: Path, core: str, work: Path, under: list[str]) -> _Ran:
    # A copy for each run: tests may write beside themselves.
    copy = work / "source"
    shutil.copytree(source, copy)
    report = work / "report.xml"
    command = [sys.executable, *under, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--junit-xml={report}", *suite.options, *suite.tests]
    # The package first: what is installed may hold another version of it.
    variables = environment(core, copy / suite.path, tools)
    variables.update(
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTHONDONTWRITEBYTECODE="1",
        COVERAGE_CORE="ctrace",
        HYPOTHESIS_DATABASE="none",
    )
    ended = run(command, copy, variables, SECONDS)
    return _Ran(copy, ended, _results(report))


def _results(report: Path) -> Counter[tuple[str, str]]:
    results: Counter[tuple[str, str]] = Counter()
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            ends = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            # Some parametrized tests have addresses in their names.
            name = re.sub(r"0x[0-9a-f]+", "0x", f"{case.get('classname')}.{case.get('name')}")
            results[name, ends[0] if ends else "passed"] += 1
    return results


def _is_compared(file: str, suite: Suite, source: Path) -> bool:
    """Whether `file` belongs to the package and not to its tests."""
    roots = [source / suite.path / name for name in suite.packages]
    tests = [source / folder for folder in suite.tests]
    path = Path(file)
    return any(map(path.is_relative_to, roots)) and not (
        any(map(path.is_relative_to, tests)) or "tests" in path.parts
    )


def _recorded_lines(recording: Path, suite: Suite, source: Path) -> Lines:
    from escope.engine.replay.recording import Recording
    from escope.events import Kind

    lines: Lines = set()
    with Recording.open(recording) as opened:
        for event in opened.events(kinds={Kind.LINE}):
            if _is_compared(event.file, suite, source):
                lines.add((str(Path(event.file).relative_to(source)), event.line))
    return lines


def _covered_lines(data: Path, suite: Suite, source: Path, tools: Path) -> Lines:
    """The lines that coverage.py's tracer saw, before its reports fold those of one statement together."""
    text = (
        "import sys, json, coverage; data = coverage.CoverageData(sys.argv[1]); data.read();"
        "print(json.dumps({file: data.lines(file) for file in data.measured_files()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", text, str(data)],
        env={**os.environ, "PYTHONPATH": str(tools)},
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return {
        (str(Path(file).relative_to(source)), line)
        for file, lines in found.items()
        if _is_compared(file, suite, source)
        for line in lines
    }


def cache() -> Path:
    """Where sources and tools are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "escope" / "long-checks"


def fetched(suite: Suite) -> tuple[Path, Path]:
    """The unpacked source of a package, and a directory with what its tests import; fetched once."""
    sources = cache() / "sources"
    source = sources / f"{suite.name}-{suite.version}"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if not source.exists():
        sources.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=sources) as folder:
            wanted = f"{suite.name}=={suite.version}"
            command = ["download", "--no-deps", f"--no-binary={suite.name}", "-d", folder, wanted]
            subprocess.run(
                [*pip, *command], check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL
            )
            (packed,) = Path(folder).glob("*.tar.gz")
            with tarfile.open(packed) as archive:
                archive.extractall(Path(folder) / "unpacked", filter="data")
            (unpacked,) = (Path(folder) / "unpacked").iterdir()
            unpacked.rename(source)
    version = "{}.{}".format(*sys.version_info)
    tools = cache() / f"tools-{version}-{suite.name}"
    if not tools.exists():
        with tempfile.TemporaryDirectory(dir=sources) as folder:
            made = Path(folder) / "tools"
            command = ["install", "--target", str(made), *TOOLS, *suite.needs]
            subprocess.run(
                [*pip, *command], check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL
            )
            made.rename(tools)
    return source, tools
