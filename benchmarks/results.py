"""What was measured, and the figures that follow from it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

PLAIN = "plain"

Part = Literal["main", "cpu", "whole"]
"""Of a run: within the program's own main, the processor time that the program used there (which tells work from
waiting), or the whole command from its start to its end."""


@dataclass
class Samples:
    """The runs of one program at one size under one contender."""

    main: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    """Seconds."""
    peak: list[int] = field(default_factory=list)
    """Bytes that were resident at most, without the mapped ring."""
    failure: str | None = None
    """Why there are no more runs, in a few words."""
    bytes: int | None = None
    """Size of what the newest run left on disk."""
    lines: int | None = None
    """The line events that the newest run left, where that can be told."""
    remark: str = ""
    """What is to be known of what the newest run left."""

    def seconds(self, part: Part) -> float | None:
        """Return the median; None where there was no complete run."""
        values = {"main": self.main, "cpu": self.cpu, "whole": self.whole}[part]
        return median(values) if values else None


@dataclass(frozen=True)
class Recording:
    """What `escope info --json` says of the recording of one program."""

    events: int
    lines: int
    bytes: int
    dropped: int
    ring: int
    """Bytes of the ring that were resident in the program."""


@dataclass(frozen=True)
class Count:
    """How often something happened, by the independent census and by the recording."""

    what: str
    counted: int
    recorded: int


@dataclass(frozen=True)
class Scalar:
    """The cost of scalar events."""

    about: str
    events: int
    fits: bool
    """Whether they all fit into the ring, so that the program never waits."""
    ns: float | None
    cpu_ns: float | None
    """Nanoseconds for one event, on the clock and of the processor's time."""


@dataclass
class Results:
    """Everything of one run of the benchmark."""

    programs: list[str] = field(default_factory=list)
    cpu_bound: set[str] = field(default_factory=set)
    about: dict[str, str] = field(default_factory=dict)
    """Of programs and contenders."""
    sizes: dict[tuple[str, str], int] = field(default_factory=dict)
    """The size at which a contender, by name, ran a program."""
    shares: dict[str, int] = field(default_factory=dict)
    """The contenders that took part; 1/share is the part of the full size that they ran."""
    versions: dict[str, str | None] = field(default_factory=dict)
    """Of the contenders; None for what is not installed."""
    samples: dict[tuple[str, str, int], Samples] = field(default_factory=dict)
    """By contender, program, size."""
    lines: dict[tuple[str, int], int] = field(default_factory=dict)
    """The line events of a program at a size, counted independently."""
    record_lines: set[str] = field(default_factory=set)
    """The contenders that record each line."""
    recordings: dict[str, Recording] = field(default_factory=dict)
    counts: dict[str, list[Count]] = field(default_factory=dict)
    scalars: list[Scalar] = field(default_factory=list)
    startup: dict[str, Samples] = field(default_factory=dict)
    """By contender, an empty program."""
    sample_lines: int = 0
    instrument_cold: float | None = None
    instrument_cached: float | None = None
    """Seconds; None where there is no cache."""
    problems: list[str] = field(default_factory=list)
    """What is not as it has to be."""

    def of(self, contender: str, program: str) -> Samples | None:
        """Return the runs of a contender at the size that it ran."""
        size = self.sizes.get((contender, program))
        return None if size is None else self.samples.get((contender, program, size))

    def slowdown(self, contender: str, program: str, part: Part) -> float | None:
        """Return how many times as long as plain Python it took, at the same size."""
        size = self.sizes.get((contender, program))
        if size is None:
            return None
        mine = self.samples.get((contender, program, size), Samples()).seconds(part)
        plain = self.samples.get((PLAIN, program, size), Samples()).seconds(part)
        return None if mine is None or not plain else mine / plain

    def slowdowns(self, contender: str, part: Part) -> dict[str, float]:
        """Return the slowdown of each CPU-bound program that has one."""
        found = {
            program: self.slowdown(contender, program, part)
            for program in self.programs
            if program in self.cpu_bound
        }
        return {program: value for program, value in found.items() if value is not None}

    def lines_kept(self, contender: str) -> list[float]:
        """Return for each program which part of its lines a contender recorded, where that can be told."""
        found = []
        for program in self.programs:
            size = self.sizes.get((contender, program), 0)
            counted = self.lines.get((program, size))
            samples = self.of(contender, program)
            if counted and samples is not None and samples.lines is not None:
                found.append(samples.lines / counted)
        return found

    def bytes_per_line(self, contender: str) -> float | None:
        """Return the bytes that it left for each line that ran, the geometric mean over the programs."""
        found = []
        for program in self.programs:
            counted = self.lines.get((program, self.sizes.get((contender, program), 0)))
            samples = self.of(contender, program)
            if counted and samples is not None and samples.bytes:
                found.append(samples.bytes / counted)
        return geometric_mean(found)

    def ns_per_event(
        self, program: str, part: Part = "main", contender: str = "escope"
    ) -> float | None:
        """Return what one event of a program costs within main, in nanoseconds."""
        recording = self.recordings.get(program)
        size = self.sizes.get((contender, program))
        if recording is None or size is None or not recording.events:
            return None
        mine = self.samples.get((contender, program, size), Samples()).seconds(part)
        plain = self.samples.get((PLAIN, program, size), Samples()).seconds(part)
        if mine is None or plain is None:
            return None
        return (mine - plain) * 1e9 / recording.events

    def memory_added(self, program: str, contender: str = "escope") -> int | None:
        """Return by how many bytes the peak of the program's own memory grew, the ring not counted."""
        size = self.sizes.get((contender, program))
        if size is None:
            return None
        mine = self.samples.get((contender, program, size), Samples()).peak
        plain = self.samples.get((PLAIN, program, size), Samples()).peak
        return int(median(mine) - median(plain)) if mine and plain else None

    def startup_added(self, contender: str) -> float | None:
        """Return how many seconds more than plain Python an empty program takes."""
        mine = self.startup.get(contender, Samples()).seconds("whole")
        plain = self.startup.get(PLAIN, Samples()).seconds("whole")
        return None if mine is None or plain is None else mine - plain


def geometric_mean(values: Iterable[float]) -> float | None:
    """Return the geometric mean; None of nothing."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None
