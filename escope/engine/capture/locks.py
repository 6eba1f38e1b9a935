"""Locks, semaphores, events and conditions: who held what, and who woke whom.

An acquire and the release that ends it have one message id, and so have what wakes and who is woken by it.
The standard library is built on these as well, and that is its own affair: an operation is told where code
of the program asks for it, by itself or through a method that does nothing else.
"""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.channels import ACQUIRE, RECEIVE, RELEASE, SEND, Numbers
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.instrument import Point
from escope.engine.capture.ledger import Ledger
from escope.engine.capture.marks import Marks
from escope.engine.capture.readers import field, is_held
from escope.engine.capture.taps import Tap, tapped_frame
from escope.events import Operation

_SET, _WAIT, _NOTIFY = int(Operation.SET), int(Operation.WAIT), int(Operation.NOTIFY)
_ACQUIRE, _RELEASE = int(Operation.ACQUIRE), int(Operation.RELEASE)

_NOTIFYING = frozenset({"Condition.notify_all", "Condition.notifyAll", "Condition.notify"})
_ENTERING = frozenset({"_ContextManagerMixin.__aenter__", "Condition.wait"})
_LEAVING = frozenset({"_ContextManagerMixin.__aexit__", "Condition.wait"})
_THROUGH = {
    "Condition.notify": _NOTIFYING,
    "Condition.notify_all": _NOTIFYING,
    "Condition._notify": _NOTIFYING,
    "Condition.wait": frozenset({"Condition.wait_for"}),
    "Condition._acquire_restore": frozenset({"Condition.wait"}),
    "Condition._release_save": frozenset({"Condition.wait"}),
    "Lock.acquire": _ENTERING,
    "Lock.release": _LEAVING,
    "Semaphore.acquire": _ENTERING,
    "Semaphore.release": _LEAVING | {"Semaphore.__exit__", "BoundedSemaphore.release"},
    "BoundedSemaphore.release": _LEAVING | {"Semaphore.__exit__"},
}
"""By method of `threading` and `asyncio.locks`: methods that call it when the program asks for just that."""
_FILES = ("threading.py", "locks.py", "mixins.py")
_ASYNC = ("asyncio/locks.py", "asyncio/queues.py")

Owner = tuple[int, int]
"""A thread and the asyncio task that it runs, 0 if none."""


class Locks:
    """The locks that are held, and who was woken."""

    def __init__(
        self,
        numbers: Numbers,
        is_instrumented: Callable[[types.CodeType], bool],
        task_of: Callable[[ThreadRecord], int],
    ) -> None:
        self._numbers = numbers
        self._is_instrumented = is_instrumented
        self._task_of = task_of
        self.restart()

    def restart(self) -> None:
        """Forget what is held, in a forked child: it was acquired in the parent's stream."""
        self._held: Marks[list[tuple[int, Owner]]] = Marks()
        """By lock: the acquires that were not released, oldest first."""
        self._saved: dict[Owner, int] = {}
        """By who waits: how often the lock of the wait was held."""
        self._set: Marks[int] = Marks()
        """By event: the message of its last `set`."""
        self._woken: Marks[int] = Marks()
        """By what a waiter of a condition waits for: the message that woke it."""

    def taps(self) -> list[Tap]:
        """Where semaphores, events and conditions are used."""
        asked, awaited = self._by_program, self._by_coroutine
        threading, locks = "threading", "asyncio.locks"
        value, result = Point("set", "_value"), Point("return")
        notify = "Condition._notify" if sys.version_info >= (3, 13) else "Condition.notify"
        return [
            Tap(threading, "Semaphore.acquire", value, ("self",), self.acquired, asked),
            Tap(threading, "Semaphore.release", value, ("self", "n"), self.given_back, asked),
            Tap(
                threading, "BoundedSemaphore.release", value, ("self", "n"), self.given_back, asked
            ),
            Tap(threading, "Event.set", Point("set", "_flag"), ("self",), self.event_set, asked),
            Tap(
                threading,
                "Event.wait",
                Point("stored", "signaled"),
                ("self", "signaled"),
                self.event_seen,
                self._fulfilled,
            ),
            Tap(
                threading,
                "Condition.notify",
                Point("stored", "waiters"),
                ("self", "n"),
                self.notified,
                asked,
            ),
            Tap(
                threading,
                "Condition.wait",
                Point("called", "_acquire_restore"),
                ("self", "waiter", "gotit"),
                self.woken,
                self._fulfilled,
            ),
            Tap(locks, "Lock.acquire", result, ("self",), self.lock_acquired, awaited),
            Tap(locks, "Lock.release", Point("entry"), ("self",), self.released, awaited),
            Tap(locks, "Semaphore.acquire", result, ("self",), self.acquired, awaited),
            Tap(locks, "Semaphore.release", Point("entry"), ("self",), self.released, awaited),
            Tap(locks, "Event.set", Point("entry"), ("self",), self.event_set, awaited),
            Tap(locks, "Event.wait", result, ("self",), self.event_seen, awaited),
            Tap(locks, notify, Point("first", "idx"), ("self", "n"), self.notified, awaited),
            Tap(locks, "Condition.wait", result, ("self", "fut"), self.woken, awaited),
        ]

    # Who asks

    def _by_program(self, *operands: Any) -> bool:
        """Whether the function with the tap was called by code of the program."""
        frame = caller(tapped_frame())
        return frame is not None and self._is_instrumented(frame.f_code)

    def _fulfilled(self, *operands: Any) -> bool:
        """The same for a wait, whose last operand tells whether it ended with what it was for."""
        if operands[-1] is not True:
            return False
        frame = caller(tapped_frame())
        return frame is not None and self._is_instrumented(frame.f_code)

    def _by_coroutine(self, *operands: Any) -> bool:
        """Whether it was not called by asyncio's own locks and queues."""
        frame = caller(tapped_frame())
        return frame is None or not frame.f_code.co_filename.endswith(_ASYNC)

    # Locks and semaphores

    def _owner(self, thread: ThreadRecord) -> Owner:
        return thread.number, self._task_of(thread)

    def acquired(self, ledger: Ledger, thread: ThreadRecord, lock: Any, *more: Any) -> None:
        """A semaphore, or a lock that may be held more than once, was acquired."""
        number = self._numbers.take()
        ledger.tell(ACQUIRE, _ACQUIRE, number, lock)
        held = self._held.get(lock)
        if held is None:
            held = []
            self._held.put(lock, held)
        held.append((number, self._owner(thread)))

    def lock_acquired(self, ledger: Ledger, thread: ThreadRecord, lock: Any, *more: Any) -> None:
        """A lock was acquired: whoever held it has released it, seen or not."""
        held = self._held.get(lock)
        if held:
            held.clear()
        self.acquired(ledger, thread, lock)

    def released(self, ledger: Ledger, thread: ThreadRecord, lock: Any) -> None:
        """A lock or semaphore is about to be released; nobody can have acquired it yet."""
        held = self._held.get(lock) or []
        owner = self._owner(thread)
        # Who releases a semaphore need not have acquired it: then it is the oldest acquire.
        own = next((n for n in reversed(range(len(held))) if held[n][1] == owner), 0)
        number = held.pop(own)[0] if held else 0
        ledger.tell(RELEASE, _RELEASE, number, lock)

    def released_if_held(self, ledger: Ledger, thread: ThreadRecord, lock: Any) -> None:
        """A lock in C is about to be released, if somebody holds it."""
        if is_held(lock):
            self.released(ledger, thread, lock)

    def saved(self, ledger: Ledger, thread: ThreadRecord, lock: Any) -> None:
        """A lock that may be held more than once is about to be given up altogether, for a wait."""
        if not is_held(lock):
            return
        owner = self._owner(thread)
        held = self._held.get(lock) or []
        count = max(1, sum(each[1] == owner for each in held))
        self.given_back(ledger, thread, lock, count)
        self._saved[owner] = count

    def restored(self, ledger: Ledger, thread: ThreadRecord, lock: Any) -> None:
        """Such a lock is held again as it was before the wait."""
        for _ in range(self._saved.pop(self._owner(thread), 1)):
            self.acquired(ledger, thread, lock)

    def given_back(self, ledger: Ledger, thread: ThreadRecord, lock: Any, count: int) -> None:
        """A semaphore was released once or more often."""
        for _ in range(count):
            self.released(ledger, thread, lock)

    # Events

    def event_set(self, ledger: Ledger, thread: ThreadRecord, event: Any) -> None:
        """An event is set; nobody can have seen it yet."""
        number = self._numbers.take()
        ledger.tell(SEND, _SET, number, event)
        self._set.put(event, number)

    def event_seen(self, ledger: Ledger, thread: ThreadRecord, event: Any, *more: Any) -> None:
        """Somebody waited for an event that is set now, or was set already."""
        ledger.tell(RECEIVE, _WAIT, self._set.get(event) or 0, event)

    # Conditions

    def notified(self, ledger: Ledger, thread: ThreadRecord, condition: Any, count: int) -> None:
        """The first waiters of a condition are about to be woken."""
        number = self._numbers.take()
        ledger.tell(SEND, _NOTIFY, number, condition)
        waiters = an.held_attribute(condition, "_waiters")
        if type(waiters) is deque:
            pending = (waiter for waiter in waiters if not _is_done(waiter))
            for waiter in islice(pending, max(count, 0)):
                self._woken.put(waiter, number)

    def woken(
        self, ledger: Ledger, thread: ThreadRecord, condition: Any, waiter: Any, *more: Any
    ) -> None:
        """A waiter of a condition goes on, because it was woken."""
        ledger.tell(RECEIVE, _WAIT, self._woken.get(waiter) or 0, condition)


def caller(frame: types.FrameType) -> types.FrameType | None:
    """Who asked for what the function of `frame` does."""
    found = frame.f_back
    while (
        found is not None
        and found.f_code.co_qualname in _THROUGH.get(frame.f_code.co_qualname, ())
        and found.f_code.co_filename.endswith(_FILES)
    ):
        frame, found = found, found.f_back
    return found


def _is_done(waiter: Any) -> bool:
    """Whether a waiter is a future that is done: it is not woken again."""
    return field(waiter, "_state") not in (None, "PENDING")
