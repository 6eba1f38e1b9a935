"""The benchmark of capture: what recording costs, beside others that record: ``python benchmarks/capture.py``.

Runs each program of `programs/` plain, under escope, and under whatever else is installed, alternating within
one run, and prints medians.  What is measured, and how, stands in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[0] = str(REPOSITORY)

from benchmarks import machine, table, trial  # noqa: E402
from benchmarks.contenders import CONTENDERS, PLAIN, QUICK, REFERENCE  # noqa: E402
from benchmarks.measure import Measuring, Plan  # noqa: E402
from benchmarks.suite import PROGRAMS, Stage  # noqa: E402

PAGE = REPOSITORY / "docs" / "benchmarks.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line names; return 1 if anything is not as it has to be."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    trial.adopt_orphans()
    if options.write:
        # Rather now than after two hours.
        table.around(PAGE)
    facts, caveats, began = machine.facts(), caveats_of(options), monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="escope-benchmark-") as folder:
            measuring = Measuring(plan_of(options), Stage(Path(folder).resolve()), _tell)
            results = measuring.run()
    except KeyboardInterrupt:
        trial.end_descendants()
        _tell("interrupted")
        return 128 + signal.SIGINT
    minutes = (monotonic() - began) / 60
    how = f"{options.command}: {options.rounds} rounds, {minutes:.0f} minutes"
    text = table.report(results, [*facts, ("run", how)], caveats)
    print(text)
    if options.write:
        table.write(PAGE, text)
        _tell(f"written to {PAGE}")
    return 1 if results.problems else 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--rounds", type=int, metavar="N", help="runs of each (default 5, quick 1)")
    made.add_argument(
        "--only",
        action="append",
        choices=[program.name for program in PROGRAMS],
        help="this program; repeatable",
    )
    made.add_argument(
        "--contender",
        action="append",
        choices=[one.name for one in CONTENDERS if one is not PLAIN],
        help="this contender beside plain Python; repeatable (default: all but escope-py)",
    )
    made.add_argument(
        "--limit", type=float, metavar="S", help="seconds for one run (default 60, quick 20)"
    )
    made.add_argument(
        "--quick", action="store_true", help="small sizes and few contenders: about a minute"
    )
    made.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    return made


def plan_of(options: argparse.Namespace) -> Plan:
    """Return what the command line asks for; fills in the numbers that it leaves open."""
    if options.rounds is None:
        options.rounds = 1 if options.quick else 5
    if options.limit is None:
        options.limit = 20.0 if options.quick else 60.0
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    options.command = " ".join(words)
    names = options.contender
    if names is None:
        usual = QUICK if options.quick else CONTENDERS
        names = [one.name for one in usual if one not in (PLAIN, REFERENCE)]
    return Plan(
        programs=[one for one in PROGRAMS if not options.only or one.name in options.only],
        contenders=[one for one in CONTENDERS if one.name in names],
        rounds=options.rounds,
        shrink=10 if options.quick else 1,
        limit=options.limit,
        details=options.only is None,
    )


def caveats_of(options: argparse.Namespace) -> list[str]:
    """Return what makes the figures of a run less than what they should be; call it before measuring."""
    found = []
    if options.quick:
        found.append(
            "A quick run: at a tenth of the size, start and end weigh more than they do at full size."
        )
    if machine.load() > machine.cores() / 2:
        found.append(
            "**The machine was busy with other things when this run began: times are longer than they should "
            "be, and ratios are distorted.** Counts, sizes and memory do not depend on that."
        )
    return found


def _tell(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


def _end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
