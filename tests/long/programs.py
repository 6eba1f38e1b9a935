"""The oracle's programs, the examples and third-party packages, with all frames compared at every line."""

from __future__ import annotations

from pathlib import Path

from tests.long import suites
from tests.long.outcome import Outcome
from tests.oracle import harness

EXAMPLES = ("shopping_carts", "game_of_life", "moving_average", "ticket_counter")

PACKAGES = ("idna", "toolz", "h11", "parso")
"""Of `suites.toml`, each used by its `drivers/use_NAME.py`."""
SECONDS = 600.0


def units() -> list[str]:
    """The stems of the programs that this interpreter can run."""
    own = [path.stem for path in harness.programs()]
    return [
        *own,
        *(f"examples/{name}" for name in EXAMPLES),
        *(f"packages/{name}" for name in PACKAGES),
    ]


def check(unit: str, core: str, seed: int) -> Outcome:
    """Compare one program."""
    folder, _, stem = unit.rpartition("/")
    beside = []
    if folder == "packages":
        path = Path(__file__).parent / "drivers" / f"use_{stem}.py"
        suite = suites.suites()[stem]
        source, _ = suites.fetched(suite)
        beside = [source / suite.path / name for name in suite.packages]
    else:
        path = (harness.REPOSITORY / folder if folder else harness.PROGRAMS) / f"{stem}.py"
    result = harness.check(path, every=1, seconds=SECONDS, beside=beside)
    counts = {
        "programs": 1,
        "moments": result.tally.moments,
        "values": result.tally.values,
        "labelled": result.tally.labels.total(),
        "events": result.info.get("events", 0),
        "milliseconds": round(result.seconds * 1000),
    }
    return Outcome(counts, [] if result.agrees else [result.report()])
