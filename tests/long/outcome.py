"""What the check of one unit found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """Counts by what was counted, and what is not as it should be; JSON-able as `vars`."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """What differs, one entry each, with what is needed to see it again."""
    excepted: list[str] = field(default_factory=list)
    """Tests that differ and may (`exceptions.toml`)."""
    notes: list[str] = field(default_factory=list)
    """What could not be compared, with the reason."""

    def to_json(self) -> dict[str, object]:
        """The outcome as plain data."""
        return {
            "counts": self.counts,
            "problems": self.problems,
            "excepted": self.excepted,
            "notes": self.notes,
        }
