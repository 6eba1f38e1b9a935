"""What the long checks ask of a recording: that it is whole, and which lines it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.long.outcome import Outcome


def narration(stderr: str) -> list[str]:
    """The lines that escope itself wrote to stderr."""
    return [line for line in stderr.splitlines() if line.startswith("escope: ")]


def look_at(recording: Path, stderr: str, outcome: Outcome) -> dict[str, Any]:
    """Count what the recording holds; note as problems that it is missing, partial or short of events."""
    from escope.engine.replay.recording import Recording

    if not recording.exists():
        outcome.problems.append(f"there is no recording: {stderr[-500:]}")
        return {}
    with Recording.open(recording) as opened:
        info = opened.info()
    outcome.counts["events"] = info["events"]
    outcome.counts["bytes"] = recording.stat().st_size
    if info["partial"]:
        outcome.problems.append(f"the recording is partial: {info['partial']}")
    if info["dropped"]:
        outcome.problems.append(f"{info['dropped']} events were dropped")
    return info


def not_instrumented(info: dict[str, Any], modules: list[str]) -> list[str]:
    """Modules of `modules`, or in them, that were loaded and are not traced, with the reasons."""
    return [
        f"{entry['module']} was not traced: {entry['reason']}"
        for entry in info.get("skipped", [])
        if any(
            entry["module"] == name or entry["module"].startswith(name + ".") for name in modules
        )
    ]
