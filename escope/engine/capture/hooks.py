"""Hooks on methods of C types through which messages, locks and tasks pass: `_taps_src` holds the exchange itself.

Without a C compiler at installation there are none, and what these types do is not told.
"""

from __future__ import annotations

import _thread
import sys
from importlib.util import find_spec
from types import CodeType
from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.locks import Locks, caller
from escope.engine.capture.marks import Marks
from escope.engine.capture.messages import Messages
from escope.engine.capture.taps import AVAILABLE
from escope.engine.capture.tasks import Tasks

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder

if TYPE_CHECKING or AVAILABLE:
    from escope.engine.capture import _taps

_THREAD = "threading"
_OWN_MESSAGES = ("concurrent/futures/thread.py", "concurrent/futures/process.py")
"""What executors put into queues of their own is told as what it stands for."""


class Hooks:
    """The hooks of one recording."""

    def __init__(self, recorder: Recorder, messages: Messages, locks: Locks, tasks: Tasks) -> None:
        self._recorder = recorder
        self._messages = messages
        self._locks = locks
        self._tasks = tasks
        self._through: dict[int, CodeType] = {}
        self._waiting_through: dict[int, CodeType] = {}
        self.codes = {
            (_THREAD, f"Condition.{name}"): self._through
            for name in ("__enter__", "__exit__", "_acquire_restore", "_release_save")
        }
        """By module and function: where to note the code of functions that hand on to a lock."""
        self.codes[_THREAD, "Condition.wait"] = self._waiting_through
        self.restart()

    def restart(self) -> None:
        """Forget what waits in queues, in a forked child."""
        self._queues: Marks[Any] = Marks()
        """By SimpleQueue: the ids of its messages."""

    def install(self) -> None:
        """Hook the methods of locks and of the queue in C."""
        if not AVAILABLE:
            return
        lock, rlock = _thread.LockType, _thread.RLock
        for kind, acquired in ((lock, self._lock_acquired), (rlock, self._rlock_acquired)):
            methods = an.type_dict(kind)
            for name in ("acquire", "__enter__"):
                _taps.hook(kind, name, acquired, methods["release"])
            for name in ("release", "__exit__"):
                _taps.hook(kind, name, self._released, None)
        _taps.hook(rlock, "_release_save", self._saved, None)
        _taps.hook(rlock, "_acquire_restore", self._restored, None)
        qsize = None
        if find_spec("_queue") is not None:
            from _queue import SimpleQueue

            qsize = an.type_dict(SimpleQueue)["qsize"]
            for name in ("put", "put_nowait"):
                _taps.hook(SimpleQueue, name, self._put, None)
            for name in ("get", "get_nowait"):
                _taps.hook(SimpleQueue, name, self._got, self._gets)
        codes = self._recorder.codes
        _taps.start(codes, self._through, self._waiting_through, self._asked, qsize)

    def install_tasks(self) -> None:
        """Hook the tasks of asyncio, once it is loaded."""
        module = sys.modules.get("_asyncio")
        if AVAILABLE and module is not None:
            _taps.hook(vars(module)["Task"], "cancel", self._cancelled, None)

    def restore(self) -> None:
        """Take the hooks away."""
        if AVAILABLE:
            _taps.stop()

    # Queues

    def _put(self, queue: Any, item: Any) -> Any:
        """The queue's waiting messages, and the id of the one that is about to be put; None to leave it out."""
        waiting = self._gets(queue, 2)
        if waiting is None:
            return None
        number = self._messages.numbers.take()
        self._recorder.fire(self._messages.put_blindly, queue, item, number)
        return waiting, number

    def _gets(self, queue: Any, depth: int = 1) -> Any:
        """The waiting messages of the queue that something is about to be taken from; None to leave it out."""
        recorder = self._recorder
        try:
            if not recorder.on or sys._getframe(depth).f_code.co_filename.endswith(_OWN_MESSAGES):
                return None
            with recorder.lock:
                waiting = self._queues.get(queue)
                if waiting is None:
                    waiting = _taps.Waiting()
                    self._queues.put(queue, waiting)
            return waiting
        except Exception as error:
            if not recorder.broke(error):
                raise
            return None

    def _got(self, queue: Any, item: Any, number: int) -> None:
        self._recorder.fire(self._messages.got_blindly, queue, item, number)

    # Locks

    def _asked(self) -> bool:
        """Whether the program asked for what the function does that called the hooked method."""
        try:
            frame = caller(sys._getframe(1))
            return frame is not None and self._recorder.is_instrumented(frame.f_code)
        except Exception as error:
            if not self._recorder.broke(error):
                raise
            return False

    def _lock_acquired(self, lock: Any) -> None:
        self._recorder.fire(self._locks.lock_acquired, lock)

    def _rlock_acquired(self, lock: Any) -> None:
        self._recorder.fire(self._locks.acquired, lock)

    def _released(self, lock: Any) -> None:
        self._recorder.fire(self._locks.released_if_held, lock)

    def _saved(self, lock: Any) -> None:
        self._recorder.fire(self._locks.saved, lock)

    def _restored(self, lock: Any) -> None:
        self._recorder.fire(self._locks.restored, lock)

    # Tasks

    def _cancelled(self, task: Any) -> None:
        self._recorder.fire(self._tasks.cancelled, task)
