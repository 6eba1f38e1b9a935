"""The processes of a recording, as far as its manifests tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from escope.events import Kind


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One process; what is not known is None."""

    number: int
    pid: int | None
    argv: list[str]
    how: str | None
    """How its parent started it: `fork`, `spawn` (a new interpreter) or `exec` (one in the parent's place)."""
    parent: int | None
    at: int | None
    """The parent's event at which it starts; its own seqs begin at 0."""
    began_ns: int
    """When its stream began, in nanoseconds since the recording did."""
    duration_ns: int
    events: int
    kinds: dict[str, int]
    labels: dict[str, int]
    dropped: int
    status: int | str | None
    """Its exit status, `"signal:9"`, `"unknown"`; None while it runs."""
    partial: str | None

    def to_json(self) -> dict[str, Any]:
        """Its entry in `info --json`."""
        return asdict(self)

    @classmethod
    def of(cls, number: int, found: dict[str, Any], live: bool) -> ProcessInfo:
        """What `found`, an entry of a manifest or a manifest, says; of a hostile one what can be used."""
        argv = found.get("argv")
        status = found.get("status")
        if type(status) not in (int, str):
            status = None if live else "unknown"
        parent, how = found.get("parent"), found.get("how")
        partial = found.get("partial")
        return cls(
            number,
            _whole(found.get("pid")),
            [str(word) for word in argv] if isinstance(argv, list) else [],
            how if isinstance(how, str) else None,
            _whole(parent),
            _whole(found.get("at")),
            _whole(found.get("began_ns")) or 0,
            _whole(found.get("duration_ns")) or 0,
            _whole(found.get("events")) or 0,
            _counts(found.get("kinds")),
            _counts(found.get("labels")),
            _whole(found.get("dropped")) or 0,
            status,
            partial if isinstance(partial, str) else None,
        )


def totals(info: dict[str, Any], others: list[ProcessInfo]) -> dict[str, Any]:
    """What `info` says of process 0, with the counts of all processes together."""
    found = dict(info)
    for name in ("events", "dropped"):
        found[name] = info[name] + sum(getattr(one, name) for one in others)
    for name in ("kinds", "labels"):
        counts = dict(info[name])
        for one in others:
            for key, count in getattr(one, name).items():
                counts[key] = counts.get(key, 0) + count
        found[name] = counts
    found["threads"] = found["kinds"].get(Kind.THREAD_START.label, 0)
    events = found["events"]
    found["bytes_per_event"] = round(info["bytes"] / events, 3) if events else 0.0
    return found


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 62 else None


def _counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {str(key): count for key, count in value.items() if _whole(count) is not None}
