"""The oracle's programs and the examples, with all frames compared at every line."""

from __future__ import annotations

from tests.long.outcome import Outcome
from tests.oracle import harness

EXAMPLES = ("shopping_carts", "game_of_life", "moving_average", "ticket_counter")


def units() -> list[str]:
    """The stems of the programs that this interpreter can run."""
    return [path.stem for path in harness.programs()] + [f"examples/{name}" for name in EXAMPLES]


def check(unit: str, core: str, seed: int) -> Outcome:
    """Compare one program."""
    folder, _, stem = unit.rpartition("/")
    path = (harness.REPOSITORY / folder if folder else harness.PROGRAMS) / f"{stem}.py"
    result = harness.check(path, every=1)
    counts = {
        "programs": 1,
        "moments": result.tally.moments,
        "values": result.tally.values,
        "labelled": result.tally.labels.total(),
        "events": result.info.get("events", 0),
        "milliseconds": round(result.seconds * 1000),
    }
    return Outcome(counts, [] if result.agrees else [result.report()])
