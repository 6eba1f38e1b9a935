"""The tour of the README shows what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from escope.engine.replay.recording import Recording
from tests.tui.conftest import ROOT
from tests.tui.pilot import playing, press, text_of


async def test_the_tour_finds_the_bug_with_what_is_on_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "run.esr"
    script = ROOT / "examples" / "shopping_carts.py"
    command = [sys.executable, "-m", "escope", "record", "-o", str(path), str(script)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    tour = (ROOT / "README.md").read_text()
    assert "`items=['apple'…`" in tour
    with Recording.open(path) as recording:
        async with playing(recording, (120, 40)) as (app, pilot):
            await press(pilot, "]", "e")
            assert "Ann should pay 3, not 13" in text_of(app.cinema.status)[0]
            rows = {row.split()[1]: row for row in text_of(app.cinema.state) if row}
            for customer in ("ann", "bob", "cleo"):
                assert f"customer='{customer.capitalize()}'" in rows[customer]
                assert "items=['apple'" in rows[customer]
            await press(pilot, "[", "o")
            assert "Cleo buys 3:" in text_of(app.cinema.status)[0]
