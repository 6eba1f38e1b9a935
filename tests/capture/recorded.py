"""Records a program given as text, for tests that ask the recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from escope.engine.replay.event import Event
from escope.engine.replay.recording import Recording
from tests.launch.recording import Run, plain, recorded


def record(
    folder: Path, text: str, options: Sequence[str] = (), settled: bool = True
) -> tuple[Run, Recording]:
    """Run `text` recorded; what it wrote, and its open recording.

    What it writes has to be what it writes unrecorded, unless it is not `settled`.
    """
    (folder / "program.py").write_text(text)
    done = recorded(
        ["program.py"], folder, options=["-o", "run.esr", "--force", *options], timeout=200
    )
    assert not any("recording stopped" in line for line in done.narration), done
    if settled:
        expected = plain(["program.py"], folder)
        assert (done.status, done.out, done.plain_err) == (
            expected.status,
            expected.out,
            expected.err,
        )
    return done, Recording.open(folder / "run.esr")


def scalar(event: Event, attribute: str | None = None) -> object:
    """The value of an event that has a scalar one, or of an attribute of its value."""
    value = event.value
    assert value is not None
    if attribute is not None:
        value = value.attribute(attribute)
        assert value is not None
    return value.scalar
