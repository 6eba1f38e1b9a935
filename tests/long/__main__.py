"""``python -m tests.long``: run the long checks, or go on with them; write ``docs/verification.md``.

Done units are skipped as long as the sources have not changed.  Ctrl+C throws the unit at hand away; the same
command goes on from there.  The interpreters need what escope's own tests need.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.long.kinds import KINDS
from tests.long.process import REPOSITORY, end_session
from tests.long.report import write
from tests.long.results import Job, Result, Results, commit, default_path, sources

DOCUMENT = REPOSITORY / "docs" / "verification.md"
CORES = ("c", "py")
SHOWN = 12
"""Lines of a problem that are printed."""

_NAME = "import platform as p; print(p.python_implementation(), p.python_version())"
_UNITS = """
import json, sys
from tests.long.kinds import KINDS
kind, count = sys.argv[1], int(sys.argv[2])
print(json.dumps(KINDS[kind].units(count) if kind == "generated" else KINDS[kind].units()))
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help="an interpreter to check; repeatable (default: the one that runs this)",
    )
    parser.add_argument("--core", action="append", choices=CORES, help="repeatable (default: both)")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="repeatable")
    parser.add_argument("--only", action="append", metavar="UNIT", help="this unit; repeatable")
    parser.add_argument("--seed", type=int, default=0, help="of generated programs and random")
    parser.add_argument(
        "--count", type=int, default=200, help="generated programs for each interpreter and core"
    )
    parser.add_argument("--sample", action="store_true", help="one small unit of each kind")
    parser.add_argument("--again", action="store_true", help="repeat units that had problems")
    parser.add_argument("--results", type=Path, default=default_path(), metavar="FILE")
    parser.add_argument(
        "--report-only", action="store_true", help="write the document from what is there"
    )
    return parser.parse_args()


SAMPLE = {
    "cpython": ["test_with"],
    "suites": ["itsdangerous"],
    "generated": ["0"],
    "programs": ["closures"],
}


def jobs(options: argparse.Namespace) -> list[tuple[str, Job]]:
    """What is to be done, with the path of the interpreter that does it."""
    found = []
    for python in options.python or [sys.executable]:
        name = _ask(python, "-c", _NAME).strip()
        for kind in options.kind or KINDS:
            count = 50 if options.sample else options.count
            units = json.loads(_ask(python, "-c", _UNITS, kind, str(count)))
            if options.sample:
                units = SAMPLE[kind]
            if options.only:
                units = [unit for unit in units if unit in options.only]
            for core in options.core or CORES:
                found += [(python, Job(kind, unit, name, core, options.seed)) for unit in units]
    return found


def _ask(python: str, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [python, *command], env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def do(python: str, job: Job) -> dict[str, object]:
    """The outcome of a job; one that fails itself is a problem of its own."""
    command = [python, "-m", "tests.long.job", job.kind, job.unit, job.core, str(job.seed)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    child = subprocess.Popen(
        command,
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = child.communicate()
    except BaseException:
        # The job takes its own children with it.
        child.terminate()
        child.wait()
        end_session(child.pid)
        raise
    if child.returncode:
        said = err.strip()[-1500:]
        return {
            "counts": {},
            "problems": [f"the check itself ended with {child.returncode}: {said}"],
            "excepted": [],
            "notes": [],
        }
    outcome: dict[str, object] = json.loads(out.splitlines()[-1])
    return outcome


def main() -> int:
    """Run what is not done yet; 1 if anything differs."""
    options = arguments()
    results = Results(options.results)
    now, made = sources(), commit()
    bad = 0
    if not options.report_only:
        todo = jobs(options)
        try:
            for number, (python, job) in enumerate(todo, 1):
                result = results.done(job, now)
                if result is None or (options.again and not result.good):
                    started = time.monotonic()
                    outcome = do(python, job)
                    seconds = round(time.monotonic() - started, 1)
                    date = datetime.datetime.now(datetime.UTC).date().isoformat()
                    result = Result(job, outcome, seconds, made, now, date)
                    results.append(result)
                    say(number, len(todo), result)
                bad += not result.good
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return 130
    if not options.sample:
        write(DOCUMENT, results, now)
        print(f"wrote {DOCUMENT}")
    print(f"{bad} units have problems" if bad else "no problems")
    return 1 if bad else 0


def say(number: int, total: int, result: Result) -> None:
    """One line on what was found, and the problems in full."""
    job, outcome = result.job, result.outcome
    counts = ", ".join(f"{name} {count:,}" for name, count in outcome["counts"].items())
    verdict = "ok  " if result.good else "DIFF"
    print(
        f"{verdict} [{number}/{total}] {job.kind} {job.unit}, {job.interpreter}, core {job.core}: "
        f"{counts} ({result.seconds} s)",
        flush=True,
    )
    for problem in outcome["problems"]:
        # The rest, such as the text of a generated program, is in the results file.
        print("\n".join("     " + line for line in problem.splitlines()[:SHOWN]), flush=True)
    for note in outcome["notes"]:
        print("     note: " + note, flush=True)


if __name__ == "__main__":
    sys.exit(main())
