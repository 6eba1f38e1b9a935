"""Which message is which: ids for what is sent, and the waiting messages of each queue.

Equal messages are told apart by their place in the queue, never by comparing them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from escope.engine.capture.ledger import Ledger
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.marks import Marks
from escope.events import Kind, Operation
from escope.storage.rows import FIRST_SITELESS, Detail

Waiting = tuple[int, int]
"""A message in a queue: its id, and the address of what was put."""


class Numbers:
    """Hands out message ids."""

    def __init__(self) -> None:
        self._next = 1

    def take(self) -> int:
        """A new id."""
        number = self._next
        self._next += 1
        return number


class Fifo:
    """The waiting messages of a queue that gives what was put first."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()

    def put(self, number: int, address: int) -> None:
        """A message was put."""
        self._waiting.append((number, address))

    def got(self, address: int, left: int | None) -> int:
        """The id of the message that was taken out, 0 if its put was not seen; `left`: how many are left.

        What somebody took out unseen, around the queue's methods, was the oldest.
        """
        waiting = self._waiting
        if left is not None:
            while len(waiting) > left + 1:
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

    def put(self, number: int, address: int) -> None:
        """A message was put."""
        self._waiting.setdefault(address, deque()).append(number)

    def got(self, address: int, left: int | None) -> int:
        """The id of the message that was taken out, 0 if its put was not seen; `left`: how many are left."""
        numbers = self._waiting.get(address)
        number = numbers.popleft() if numbers else 0
        if numbers is not None and not numbers:
            del self._waiting[address]
        if left == 0:
            self._waiting.clear()
        return number


def _found(waiting: deque[Waiting], address: int) -> int:
    for place, (number, its_address) in enumerate(waiting):
        if its_address == address:
            del waiting[place]
            return number
    return 0


class Channels:
    """Writes the events of messages and locks; knows the waiting messages of every queue."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.queues: Marks[Fifo | AnyOrder] = Marks()

    def queue(self, queue: Any, make: Callable[[], Fifo | AnyOrder]) -> Fifo | AnyOrder:
        """The waiting messages of `queue`."""
        known = self.queues.get(queue)
        if known is None:
            known = make()
            self.queues.put(queue, known)
        return known


def tell(
    ledger: Ledger,
    thread: ThreadRecord,
    kind: Kind,
    operation: Operation,
    number: int,
    target: Any,
    *message: Any,
) -> None:
    """Write a SEND, RECEIVE, ACQUIRE or RELEASE event; `message`: what is sent, if it is.

    It lies in the middle of a call of the current frame.  What that call changes is told where it is over, at
    the frame's next event: to look for it here as well would cost more than all the rest.
    """
    encoder = ledger.encoder
    target_id = object_id(ledger, target)
    tag, value = ledger.value(message[0]) if message else (0, 0)
    encoder.drain()
    ledger.time()
    encoder.row(Detail.OPERATION << 8, operation, number)
    encoder.event((FIRST_SITELESS + kind) << 8 | tag, target_id, value)


def object_id(ledger: Ledger, value: Any) -> int:
    """escope's id of a queue, lock, task or future.

    Where the program's own code has not met it, its content is written and distrusted: nobody looks after it.
    """
    encoder = ledger.encoder
    if encoder.objects.get(value) is not None:
        return ledger.value(value)[1]
    followed = encoder.follow(value)
    encoder.drain()
    encoder.distrust(followed)
    return followed.object_id
