"""CPython's own tests, recorded and unrecorded: each test has to end in the same way."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

from tests.long.outcome import Outcome
from tests.long.process import ENDED_BY_TIME, Ended, environment, run
from tests.long.recorded import look_at, not_instrumented

HERE = Path(__file__).parent
DRIVER = HERE / "drivers" / "unittest_module.py"
VERSION = "{}.{}".format(*sys.version_info)
SECONDS = 900.0

Ends = dict[str, str]
"""How each test ended, by its id; the second test of one id is `ID#2`."""


def units() -> list[str]:
    """The test modules of `cpython.toml`."""
    return list(_data()["modules"])


def check(unit: str, core: str, seed: int) -> Outcome:
    """Run the tests of one module plain, recorded and plain again, and compare.

    What does not end alike in both plain runs is not compared, and counted as `unsteady`.  Tests that
    end otherwise are looked at in a second recorded run: those that do so in both are problems, unless they
    are excepted; those that do so once are notes.
    """
    data = _data()
    module = data["names"].get(f"{unit}@{VERSION}", f"test.{unit}")
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="escope-long-") as folder:
        work = Path(folder).resolve()
        plain, first = _run(module, None, core, seed, work / "plain")
        _, again = _run(module, None, core, seed, work / "again")
        if first.get(module, "ok") != "ok" or f"end {module}" not in first:
            outcome.notes.append(f"{module} does not run plain: {_last(plain)}")
            return outcome
        include = [module, *data["modules"][unit]]
        steady = {test for test, how in first.items() if again.get(test) == how}
        differing = _recorded(
            module, include, core, seed, work / "recorded", outcome, first, steady
        )
        outcome.counts["tests"] = sum(not test.startswith("end ") for test in first)
        outcome.counts["unsteady"] = len(first) - len(steady)
        if differing:
            second = Outcome()
            again_differing = _recorded(
                module, include, core, seed, work / "second", second, first, steady
            )
            for test in sorted(differing.keys() - again_differing.keys()):
                outcome.notes.append(f"once of two times: {differing[test]}")
            allowed = _exceptions(core)
            for test in sorted(differing.keys() & again_differing.keys()):
                known = test in allowed
                (outcome.excepted if known else outcome.problems).append(differing[test])
    return outcome


def _recorded(
    module: str,
    include: list[str],
    core: str,
    seed: int,
    folder: Path,
    outcome: Outcome,
    expected: Ends,
    steady: set[str],
) -> dict[str, str]:
    """Run recorded; return the tests of `steady` that end otherwise than expected, in words."""
    ended, got = _run(module, include, core, seed, folder)
    info = look_at(folder / "run.esr", ended.stderr, outcome)
    if info:
        outcome.problems += not_instrumented(info, include)
    outcome.counts["milliseconds"] = round(ended.seconds * 1000)
    if f"end {module}" not in got:
        begun = [test for test, how in got.items() if how == "begun"]
        outcome.problems.append(
            f"{module} did not get to its end: {ended.how()} in {begun or 'no test'}; {_last(ended)}"
        )
        # The tests that were never begun are part of that.
        steady = steady & got.keys()
    return {
        test: f"{test}: plain {expected[test]}, recorded {got.get(test, 'not run')}"
        + _why(test, ended.stderr)
        for test in steady
        if got.get(test) != expected[test]
    }


def _run(
    module: str, include: list[str] | None, core: str, seed: int, folder: Path
) -> tuple[Ended, Ends]:
    """Run the driver, recorded if `include` says what is instrumented."""
    folder.mkdir()
    # Outside the repository, whose pyproject.toml would make all of it the program's project.
    script = folder / DRIVER.name
    script.write_bytes(DRIVER.read_bytes())
    results = folder / "results"
    command = [sys.executable]
    if include is not None:
        options = [part for name in include for part in ("--include", name)]
        command += ["-m", "escope", "record", "-o", str(folder / "run.esr"), *options]
    command += [str(script), str(results), str(seed), module]
    work = folder / "work"
    work.mkdir()
    ended = run(command, work, environment(core), SECONDS)
    return ended, _ends(results)


def _ends(results: Path) -> Ends:
    ends: Ends = {}
    times: Counter[str] = Counter()
    for line in results.read_text(errors="replace").splitlines() if results.exists() else []:
        how, _, test = line.partition(" ")
        if how == "end":
            ends[line] = "ok"
            continue
        if how == "begin":
            times[test] += 1
            how = "begun"
        times[test] = times[test] or 1
        ends[test if times[test] == 1 else f"{test}#{times[test]}"] = how
    return ends


def _why(test: str, stderr: str) -> str:
    """The last line of the traceback that the driver wrote for `test`."""
    name = test.partition("#")[0].rpartition(".")[2]
    for part in stderr.split("\n--- ")[::-1]:
        head, _, text = part.partition("\n")
        if name and name in head:
            lines = [
                line
                for line in text.splitlines()
                if line and not line.startswith((" ", "escope: "))
            ]
            return f" ({lines[-1][:200]})" if lines else ""
    return ""


def _last(ended: Ended) -> str:
    lines = ended.stderr.strip().splitlines()
    how = ended.how()
    return f"{how}: {lines[-1][:300]}" if lines and how != ENDED_BY_TIME else how


def _data() -> dict[str, dict[str, object]]:
    return tomllib.loads((HERE / "cpython.toml").read_text())


def exceptions() -> list[dict[str, object]]:
    """The entries of `exceptions.toml`."""
    return list(tomllib.loads((HERE / "exceptions.toml").read_text()).get("exception", []))


def _exceptions(core: str) -> set[str]:
    return {
        str(entry["test"])
        for entry in exceptions()
        if VERSION in entry["versions"] and core in entry["cores"]
    }
