"""Activations of frames: from the CALL or RESUME that begins one to the event that ends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from escope.storage.checkpoint import NO_SEQ

if TYPE_CHECKING:
    from escope.storage.store import Store


@dataclass(frozen=True, slots=True)
class Activation:
    """One run of a frame: from its CALL or RESUME to its RETURN, YIELD or UNWIND."""

    start_seq: int
    end_seq: int | None
    """None while it lasts."""
    frame: int
    thread: int
    depth: int
    """1 for the outermost frame of the thread."""
    code: int


class Activations:
    """The activations of a store; see the methods of `Store` that pass to these."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, start_seq: int) -> Activation | None:
        """The activation that the CALL or RESUME at `start_seq` began; None if it is no such event."""
        store = self._store
        if not 0 <= start_seq < store.events:
            return None
        began = store.block(store.block_of(start_seq)).spans.began
        place = int(np.searchsorted(began["start"], np.uint64(start_seq)))
        if place == len(began) or int(began["start"][place]) != start_seq:
            return None
        return self._activation(began[place])

    def between(self, lo_seq: int, hi_seq: int) -> list[Activation]:
        """Activations that began at lo_seq <= seq < hi_seq, in the order they began."""
        store = self._store
        lo_seq, hi_seq = max(lo_seq, 0), min(hi_seq, store.events)
        if lo_seq >= hi_seq:
            return []
        found = []
        for number in range(store.block_of(lo_seq), store.block_of(hi_seq - 1) + 1):
            began = store.block(number).spans.began
            bounds = np.array([lo_seq, hi_seq], np.uint64)
            first, end = np.searchsorted(began["start"], bounds).tolist()
            found += [self._activation(span) for span in began[first:end]]
        return found

    def enclosing(self, seq: int, thread: int) -> list[Activation]:
        """The thread's activations that the event at `seq` lies in, outermost first."""
        store = self._store
        spans = store.block(store.block_of(seq)).enclosing(seq, thread)
        return [self._activation(span) for span in spans]

    def _activation(self, span: Any) -> Activation:
        start, end, frame, thread, depth, code = span.tolist()
        if end == NO_SEQ:
            end = self._store.end_of(start)
        return Activation(start, end, frame, thread, depth, code)
