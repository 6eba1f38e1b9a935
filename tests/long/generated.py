"""Programs made by hypothesis against the oracle, many to a process; a unit is a batch, known by its first number.

A batch is one program that imports the generated ones one after the other, so that starting interpreters and
opening recordings, which would be most of the time, is paid once for all of them.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.long.outcome import Outcome
from tests.oracle.harness import SECONDS, Result
from tests.oracle.harness import check as compare
from tests.property.test_generated_programs import programs

BATCH = 50
"""Programs of one unit."""

MAIN = """\
for number in range({count}):
    __import__(f"batch_parts.program_{{number:03}}")
"""


def units(count: int = 200) -> list[str]:
    """The batches that make up at least `count` programs."""
    return [f"{first}" for first in range(0, count, BATCH)]


def made(seed: int, count: int = BATCH) -> list[str]:
    """The texts of `count` different programs; the same for the same seed."""
    texts: dict[str, None] = {}

    # The first that hypothesis makes is the simplest there is, with any seed; some it makes twice.
    @seeded(seed)
    @settings(
        max_examples=2 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def collect(text: str) -> None:
        texts[text] = None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        collect()
    return list(texts)[1:][:count]


def check(unit: str, core: str, seed: int) -> Outcome:
    """Compare one batch; a batch that differs is looked at program by program."""
    texts = made(seed * 1_000_003 + int(unit))
    outcome = Outcome()
    result = compared(texts)
    outcome.counts.update(
        programs=len(texts),
        moments=result.tally.moments,
        values=result.tally.values,
        labelled=result.tally.labels.total(),
        events=result.info.get("events", 0),
        milliseconds=round(result.seconds * 1000),
    )
    if not result.agrees:
        for text in texts:
            one = compared([text])
            if not one.agrees:
                outcome.problems.append(f"{one.report()}\n{text}")
        if not outcome.problems:
            outcome.problems.append(f"only in one process together: {result.report()}")
    return outcome


def compared(texts: list[str]) -> Result:
    """The comparison of a batch of `texts`."""
    with tempfile.TemporaryDirectory(prefix="escope-long-") as folder:
        batch = Path(folder) / "batch.py"
        batch.write_text(MAIN.format(count=len(texts)))
        parts = Path(folder) / "batch_parts"
        parts.mkdir()
        for number, text in enumerate(texts):
            (parts / f"program_{number:03}.py").write_text(text)
        return compare(batch, seconds=SECONDS + len(texts))
