"""Settings with their defaults: one frozen record per side."""

from __future__ import annotations

from dataclasses import dataclass

FORMAT = (1, 0)
"""Version of the recording format: (major, minor)."""


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """Bounds on what one value may cost; beyond them a value carries the label `truncated`."""

    string: int = 16_384
    """Characters (bytes) of a string kept."""
    items: int = 10_000
    """Items of one container kept."""
    objects: int = 20_000
    """Objects written for one first sight."""


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Bounds on the code cache."""

    size: int = 128 << 20
    """Bytes of all entries; beyond them those go that were not used for the longest time."""


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """Sizes of the stages of storage, in bytes unless said otherwise."""

    ring: int = 32 << 20
    child_ring: int = 8 << 20
    """The ring of every other process of the recording."""
    hot: int = 256 << 20
    hot_seconds: float = 30 * 60
    block_rows: int = 16384
    """Rows of a block; a block ends at the first event boundary at or after this many."""
    segment_blocks: int = 64
    """Blocks of a segment file."""
    max_size: int | None = None
    """Bytes that the recording may take on disk; recording stops there, with its reason in the manifest."""
