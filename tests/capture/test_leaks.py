"""Recording keeps nothing of what a program has let go of: blocks and references are counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.launch.recording import environment

DRIVER = Path(__file__).with_name("leaking.py")
ROUNDS, TURNS = 10, 60


def test_what_each_turn_lets_go_of_is_let_go_of_by_the_core(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(tmp_path), str(ROUNDS), str(TURNS)],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "partial" not in done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == ROUNDS
    # The first rounds fill caches and free lists.
    earlier, later = rounds[2:6], rounds[6:]
    references = [counts for _, counts in earlier + later]
    assert references == [references[0]] * len(references)
    # Tables grow and shrink, so the lowest counts are compared; one block for each turn would be more.
    blocks = min(one for one, _ in later) - min(one for one, _ in earlier)
    assert blocks < 3 * TURNS, rounds
