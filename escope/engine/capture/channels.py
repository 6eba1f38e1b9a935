"""Which message is which: their ids, the waiting messages of each queue, and their events.

Equal messages are told apart by their place in the queue, never by comparing them.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any

from escope.events import Kind
from escope.storage.rows import FIRST_SITELESS

# Plain ints: what an enum's members cost adds up here.
SEND, RECEIVE, ACQUIRE, RELEASE = (
    int(FIRST_SITELESS + kind) << 8
    for kind in (Kind.SEND, Kind.RECEIVE, Kind.ACQUIRE, Kind.RELEASE)
)

Waiting = tuple[int, int]
"""A message in a queue: its id, and the address of what was put."""


class Numbers:
    """Hands out message ids."""

    def __init__(self) -> None:
        self.take = count(1).__next__
        """A new id; one call into C, so that threads need no lock for it."""


class Fifo:
    """The waiting messages of a queue that gives what was put first."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self.inner: Any = None
        """The deque or list that the queue keeps its messages in."""

    def put(self, number: int, address: int) -> None:
        """A message was put."""
        self._waiting.append((number, address))

    def got(self, address: int) -> int:
        """The id of the message that was just taken out, 0 if its put was not seen.

        What somebody took out around the queue's methods was the oldest.
        """
        waiting = self._waiting
        if self.inner is not None:
            for _ in range(len(waiting) - len(self.inner) - 1):
                waiting.popleft()
        if waiting and self._expected()[1] == address:
            return self._take()
        return _found(waiting, address)

    def _expected(self) -> Waiting:
        return self._waiting[0]

    def _take(self) -> int:
        return self._waiting.popleft()[0]


class Lifo(Fifo):
    """The same for a queue that gives what was put last."""

    def _expected(self) -> Waiting:
        return self._waiting[-1]

    def _take(self) -> int:
        return self._waiting.pop()[0]


class AnyOrder:
    """The same for a queue with an order of its own: by identity.

    Where the very same object lies in it more than once, its puts are taken to be answered in their order.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, deque[int]] = {}
        self.inner: Any = None

    def put(self, number: int, address: int) -> None:
        """A message was put."""
        self._waiting.setdefault(address, deque()).append(number)

    def got(self, address: int) -> int:
        """The id of the message that was just taken out, 0 if its put was not seen."""
        numbers = self._waiting.get(address)
        number = numbers.popleft() if numbers else 0
        if numbers is not None and not numbers:
            del self._waiting[address]
        if self.inner is not None and not self.inner:
            self._waiting.clear()
        return number


def _found(waiting: deque[Waiting], address: int) -> int:
    for place, (number, its_address) in enumerate(waiting):
        if its_address == address:
            del waiting[place]
            return number
    return 0
