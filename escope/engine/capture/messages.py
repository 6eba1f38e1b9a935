"""Messages through queues, executors and futures: which receive answers which send.

Each function is what one tap does; it runs under the recorder's lock, where a queue's own lock is held.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.channels import RECEIVE, SEND, AnyOrder, Fifo, Lifo, Numbers
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.instrument import Point
from escope.engine.capture.ledger import Ledger
from escope.engine.capture.marks import Marks
from escope.engine.capture.taps import Tap
from escope.events import Operation

_PUT, _GET, _SUBMIT, _RUN = map(
    int, (Operation.PUT, Operation.GET, Operation.SUBMIT, Operation.RUN)
)
_SET_RESULT, _SET_EXCEPTION = int(Operation.SET_RESULT), int(Operation.SET_EXCEPTION)
_RESULT, _EXCEPTION = int(Operation.RESULT), int(Operation.EXCEPTION)
_ORDERS: tuple[tuple[str, type[Fifo | AnyOrder]], ...] = (("Queue", Fifo), ("LifoQueue", Lifo))


class Messages:
    """What was sent and not yet received."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.restart()

    def restart(self) -> None:
        """Forget what was sent, in a forked child: it is in the parent's stream."""
        self._queues: Marks[Fifo | AnyOrder] = Marks()
        """By queue: what waits in it."""
        self._work: Marks[int] = Marks()
        """By work item of an executor: the message that submitted it."""
        self._results: Marks[int] = Marks()
        """By future: the message that set its result."""

    def taps(self) -> list[Tap]:
        """Where messages pass."""
        stored, called = Point("stored", "item"), Point("called", "_put")
        work = "concurrent.futures.thread"
        base = "concurrent.futures._base"
        result, error = Point("set", "_result"), Point("set", "_exception")
        return [
            Tap("queue", "Queue.put", called, ("self", "item"), self.put),
            Tap("queue", "Queue.get", stored, ("self", "item"), self.got),
            Tap("asyncio.queues", "Queue.put_nowait", called, ("self", "item"), self.put),
            Tap("asyncio.queues", "Queue.get_nowait", stored, ("self", "item"), self.got),
            Tap(
                work,
                "ThreadPoolExecutor.submit",
                Point("stored", "w"),
                ("f", "w", "fn"),
                self.submitted,
            ),
            Tap(work, "_WorkItem.run", Point("before", "fn"), ("self",), self.runs),
            Tap(base, "Future.set_result", result, ("self", "result"), self.result_set),
            Tap(base, "Future.set_exception", error, ("self", "exception"), self.exception_set),
            Tap(base, "Future.__get_result", Point("entry"), ("self",), self.result_asked),
            Tap(base, "Future.exception", Point("return"), ("self",), self.exception_asked),
        ]

    # Queues

    def put(self, ledger: Ledger, thread: ThreadRecord, queue: Any, item: Any) -> None:
        """Something lies in a queue; nobody can have taken it yet."""
        waiting = self._queues.get(queue)
        if waiting is None:
            waiting = _order(queue)()
            waiting.inner = _inner(queue)
            for address in _unseen(waiting, item):
                waiting.put(0, address)
            self._queues.put(queue, waiting)
        number = self.numbers.take()
        ledger.tell(SEND, _PUT, number, queue, item)
        waiting.put(number, id(item))

    def got(self, ledger: Ledger, thread: ThreadRecord, queue: Any, item: Any) -> None:
        """Something was taken out of a queue."""
        waiting = self._queues.get(queue)
        number = 0 if waiting is None else waiting.got(id(item))
        ledger.tell(RECEIVE, _GET, number, queue, item)

    def put_blindly(
        self, ledger: Ledger, thread: ThreadRecord, queue: Any, item: Any, number: int
    ) -> None:
        """Something is about to be put into a queue in C, which keeps the ids of its messages elsewhere."""
        ledger.tell(SEND, _PUT, number, queue, item)

    def got_blindly(
        self, ledger: Ledger, thread: ThreadRecord, queue: Any, item: Any, number: int
    ) -> None:
        """Something was taken out of such a queue."""
        ledger.tell(RECEIVE, _GET, number, queue, item)

    # Executors

    def submitted(
        self, ledger: Ledger, thread: ThreadRecord, future: Any, work: Any, function: Any
    ) -> None:
        """A work item is about to be put where a worker finds it."""
        number = self.numbers.take()
        ledger.tell(SEND, _SUBMIT, number, future, function)
        self._work.put(work, number)

    def runs(self, ledger: Ledger, thread: ThreadRecord, work: Any) -> None:
        """A worker is about to run a work item."""
        number = self._work.get(work) or 0
        future, function = an.held_attribute(work, "future"), an.held_attribute(work, "fn")
        ledger.tell(RECEIVE, _RUN, number, future, function)

    def result_set(self, ledger: Ledger, thread: ThreadRecord, future: Any, result: Any) -> None:
        """A future has its result; nobody can have asked for it yet."""
        number = self.numbers.take()
        ledger.tell(SEND, _SET_RESULT, number, future, result)
        self._results.put(future, number)

    def exception_set(self, ledger: Ledger, thread: ThreadRecord, future: Any, error: Any) -> None:
        """The same for an exception."""
        number = self.numbers.take()
        ledger.tell(SEND, _SET_EXCEPTION, number, future, error)
        self._results.put(future, number)

    def result_asked(self, ledger: Ledger, thread: ThreadRecord, future: Any) -> None:
        """A future's result is about to be returned, or its exception raised."""
        error = an.held_attribute(future, "_exception")
        value = an.held_attribute(future, "_result") if error is None else error
        number = self._results.get(future) or 0
        ledger.tell(RECEIVE, _RESULT, number, future, value)

    def exception_asked(self, ledger: Ledger, thread: ThreadRecord, future: Any) -> None:
        """A future's exception, None if it has none, is about to be returned."""
        number = self._results.get(future) or 0
        value = an.held_attribute(future, "_exception")
        ledger.tell(RECEIVE, _EXCEPTION, number, future, value)


def _order(queue: Any) -> type[Fifo | AnyOrder]:
    """In which order a queue gives what was put: by the functions of its class that do it."""
    putting, getting = an.lookup(type(queue), "_put"), an.lookup(type(queue), "_get")
    for module in ("queue", "asyncio.queues"):
        names = vars(sys.modules[module]) if module in sys.modules else {}
        for name, order in _ORDERS:
            own = vars(names[name]) if name in names else {}
            if putting is own.get("_put") and getting is own.get("_get"):
                return order
    return AnyOrder


def _unseen(waiting: Fifo | AnyOrder, item: Any) -> list[int]:
    """The addresses of what lay in a queue already when `item` was put, the first put of it that was seen."""
    addresses = [*map(id, waiting.inner or ())]
    if type(waiting) is AnyOrder and id(item) in addresses:
        addresses.remove(id(item))
    else:
        del addresses[-1:]
    return addresses


def _inner(queue: Any) -> Any:
    """What a queue of the standard library's making keeps its messages in; None if that is something else."""
    for name in ("queue", "_queue"):
        inner = an.held_attribute(queue, name)
        if type(inner) is deque or type(inner) is list:
            return inner
    return None
