"""Makes docs/player.svg, the picture in the README: `python docs/screenshot.py`, in a checkout.

Records examples/shopping_carts.py, opens the recording in the player, presses the keys of the tour's first
step and saves what the player shows.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from escope.engine.replay.recording import Recording  # noqa: E402
from escope.tui.app import Cinema  # noqa: E402
from tests.tui.pilot import press, settle  # noqa: E402


async def picture(path: Path) -> str:
    """Return the player's screen as SVG after `]` `e`."""
    with Recording.open(path) as recording:
        app = Cinema(recording, None)
        async with app.run_test(size=(130, 40)) as pilot:
            await settle(pilot)
            await press(pilot, "]", "e")
            await settle(pilot)
            return app.export_screenshot(title="escope open shopping_carts.esr")


def main() -> None:
    """Record, play, save."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shopping_carts.esr"
        script = ROOT / "examples" / "shopping_carts.py"
        command = [sys.executable, "-m", "escope", "record", "-o", str(path), str(script)]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        svg = asyncio.run(picture(path))
    (ROOT / "docs" / "player.svg").write_text(svg)


main()
