"""A program that watches its own process with an audit hook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from escope.engine.replay.recording import Recording
from tests.launch.recording import environment

PROGRAM = """
import sys

seen = []

def hook(event, arguments):
    if event == "open":
        seen.append(arguments[0])

def double(number):
    return number * 2

print(double(4))
sys.addaudithook(hook)
print(double(5))
open("/dev/null").close()
print(seen)
"""


def test_recording_stops_before_the_hook_sees_it(tmp_path: Path) -> None:
    script, recording = tmp_path / "audited.py", tmp_path / "run.esr"
    script.write_text(PROGRAM)
    plain = subprocess.run([sys.executable, script], capture_output=True, check=True, timeout=60)
    command = [sys.executable, "-m", "escope", "record", "-o", str(recording), str(script)]
    done = subprocess.run(
        command, capture_output=True, check=False, timeout=60, env=environment(), cwd=tmp_path
    )
    assert done.returncode == 0, done
    assert done.stdout == plain.stdout
    assert b"recording stopped: the program sets an audit hook" in done.stderr
    with Recording.open(recording) as opened:
        assert "audit hook" in str(opened.info()["partial"])
        values = [event.value for event in opened.events(kind="return")]
    assert any("8" in json.dumps(value.to_json()) for value in values if value is not None)
