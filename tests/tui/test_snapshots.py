"""Golden images of the player, in `snapshots/`; `pytest --snapshot-update` accepts new ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_textual_snapshot

from escope.engine.replay.recording import Recording
from escope.tui.app import Cinema
from tests.tui.conftest import ROOT
from tests.tui.pilot import press, settle

Opened = Callable[[str], Recording]


class Golden(pytest_textual_snapshot.SVGImageExtension):  # type: ignore[misc]
    """Keeps the images at the top of the project."""

    @classmethod
    def dirname(cls, *, test_location: Any) -> str:
        return str(ROOT / "snapshots" / "test_snapshots")


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest_textual_snapshot, "SVGImageExtension", Golden)


@pytest.fixture
def golden(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """A recording whose times are those of a clock that ticks once an event."""
    recording = opened("golden")
    monkeypatch.setattr(recording, "time_at", lambda seq: seq * 1_000)
    return recording


SHOTS: dict[str, tuple[tuple[int, int], list[str]]] = {
    "start": ((80, 24), []),
    "inside_a_call": ((80, 24), ["/", *"call check", "enter", "n"]),
    "values_and_changes": ((120, 36), ["/", *"store reading =", "enter", "n", "n", "n"]),
    "exception": ((120, 36), ["]", "e"]),
    "caller_of_the_exception": ((100, 30), ["]", "e", "u", "2", "right"]),
    "output": ((100, 30), ["6", "]", "o", "]", "o", "]", "o"]),
    "diff_with_a_mark": ((120, 36), ["/", *"call scan", "enter", "m", "a", "]", "e", "="]),
    "flow": ((120, 44), ["/", *"call scan", "enter", "8"]),
    "zoomed_events": ((100, 30), ["]", "e", "5", "+"]),
    "breakpoint": ((100, 30), ["/", *"call scale", "enter", "n", "b", "c"]),
    "help": ((100, 40), ["f1"]),
    "prompt": ((80, 24), ["/", *"reading < 0"]),
    "sequence": ((80, 24), ["]"]),
    "too_small": ((50, 12), []),
    "wide": ((180, 50), ["]", "e", "F"]),
}


@pytest.mark.parametrize("name", list(SHOTS))
def test_the_player_looks_as_it_did(
    name: str, golden: Recording, snap_compare: Callable[..., bool]
) -> None:
    size, keys = SHOTS[name]

    async def drive(pilot: Any) -> None:
        await settle(pilot)
        await press(pilot, *keys)
        await settle(pilot)

    app = Cinema(golden)
    # A caret that blinks is on in one picture and off in the next.
    app.cursor_blink = False
    assert snap_compare(app, terminal_size=size, run_before=drive)


def test_every_golden_image_has_its_test() -> None:
    images = {path.stem for path in Path(ROOT / "snapshots").rglob("*.svg")}
    assert images == {f"test_the_player_looks_as_it_did[{name}]" for name in SHOTS}
