"""The tasks of asyncio: made, running, waiting, cancelled, done.

A task runs in turns, each of them a callback of its event loop, so a tap around the callbacks sees every turn
and, after it, what the task has come to.  Tasks that begin within the call that makes them (eager ones) are
noticed at the first event in them.  A task's fields are read through the descriptors of its type.
"""

from __future__ import annotations

import sys
import types
from _thread import get_ident
from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.instrument import Point
from escope.engine.capture.ledger import Ledger
from escope.engine.capture.marks import Marks
from escope.engine.capture.readers import callback_of, cancels_of, field, name_of
from escope.engine.capture.taps import Tap
from escope.events import Kind, Operation
from escope.storage.rows import FIRST_SITELESS, Detail, Tag

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder

_HEADS = {
    kind: (FIRST_SITELESS + kind) << 8
    for kind in (
        Kind.TASK_CREATE,
        Kind.TASK_SWITCH,
        Kind.TASK_AWAIT,
        Kind.TASK_CANCEL,
        Kind.TASK_DONE,
    )
}


_NAMED_LATER = sys.version_info < (3, 13)
"""Whether a task gets its name once it was made."""
_WAKEUP, _TURNS = "task_wakeup", ("__step", "__wakeup")
"""Names of what a loop calls for a turn, in C and in Python."""
_TASK_TYPES = ("_asyncio.Task", "asyncio.tasks.Task")
"""By name: a module that is loaded anew makes them anew."""


class TaskRecord:
    """One task that is known."""

    __slots__ = ("cancels", "name", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.cancels = 0
        """Requests to cancel it that were told."""
        self.name = ""


class Tasks:
    """The tasks of this process, and which of them runs in each thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._known: Marks[TaskRecord] = Marks()
        self._hooked = False
        self._next = 1
        self._running: dict[int, list[tuple[TaskRecord, Any]]] = {}
        """By thread: the tasks in whose turns it is, innermost last."""
        self.starting: dict[int, list[Any]] = {}
        """By thread identity: coroutines of which tasks are being made at this moment."""
        self._types: dict[int, tuple[type, bool]] = {}
        """By address: types, and whether they are tasks."""
        self._wrappers: dict[int, tuple[type, bool]] = {}
        """By address: types of callbacks, and whether they are those of the C implementation's turns."""

    def taps(self) -> list[Tap]:
        """Where tasks are made and run."""
        handle, loop = "asyncio.events", "asyncio.base_events"
        run, make = "Handle._run", "BaseEventLoop.create_task"
        # Set when a loop begins to run and when it ends.
        loop_turn = Point("set", "_thread_id")
        runs = ["BaseEventLoop.run_forever"]
        if sys.version_info >= (3, 13):
            runs = [
                "BaseEventLoop._run_forever_setup",
                "BaseEventLoop._run_forever_cleanup",
            ]
        named = []
        if _NAMED_LATER:
            naming = Point("return"), ("task", "name")
            named = [Tap("asyncio.tasks", "_set_task_name", *naming, self.named)]
        return [
            *named,
            Tap(handle, run, Point("entry"), ("self",), self.turn_begins, self._task_of),
            Tap(handle, run, Point("called", "run"), ("self",), self.turn_ends, self._task_of),
            Tap(loop, make, Point("entry"), ("coro",), self.is_made),
            Tap(loop, make, Point("return"), ("task",), self.made),
            *(Tap(loop, name, loop_turn, ("self",), self.loop_turns) for name in runs),
        ]

    def restart(self, number: int) -> list[Any]:
        """Forget what is known, in a forked child; the tasks in whose turns thread `number` is, for `adopt`."""
        running = [task for _, task in self._running.get(number, ())]
        self._known = Marks()
        self._next = 1
        self._running = {}
        self.starting = {}
        return running

    def adopt(self, ledger: Ledger, thread: ThreadRecord, tasks: list[Any]) -> None:
        """Begin a stream in the turns of `tasks`, outermost first."""
        for task in tasks:
            self._switch(ledger, thread, self._create(ledger, thread, task), task)

    def running(self, thread: ThreadRecord) -> int:
        """The task that the thread runs, 0 if none."""
        running = self._running.get(thread.number)
        return running[-1][0].number if running else 0

    # Making

    def is_made(self, ledger: Ledger, thread: ThreadRecord, coroutine: Any) -> None:
        """A task is about to be made of a coroutine; an eager one runs before `made`."""
        if not self._hooked:
            self._hooked = True
            self._recorder.hooks.install_tasks()
        self.starting.setdefault(get_ident(), []).append(coroutine)
        self._recorder.look_out()

    def made(self, ledger: Ledger, thread: ThreadRecord, task: Any) -> None:
        """A task has been made."""
        starting = self.starting.get(get_ident())
        if starting:
            starting.pop()
        self._forget_starting(get_ident())
        if not self._is_task(task):
            return
        record = self._known.get(task)
        if record is None:
            record = self._create(ledger, thread, task)
            if field(task, "_state") != "PENDING":
                # It was eager, it is over, and nothing in it was recorded.
                self._switch(ledger, thread, record, task, named=not _NAMED_LATER)
                self._leave(ledger, thread, task)
        elif self._is_current(thread, record):
            # It was eager, and its first turn is over.
            if not _NAMED_LATER:
                self._note_name(ledger, record, task)
            self._leave(ledger, thread, task)

    def named(self, ledger: Ledger, thread: ThreadRecord, task: Any, name: Any) -> None:
        """A task has been given a name, or None; one that was eager may be over already."""
        record = self._known.get(task)
        if record is not None and name is not None:
            self._note_name(ledger, record, task)

    def look(self, ledger: Ledger, thread: ThreadRecord) -> None:
        """Before an event, while tasks are being made: whether it is one in the first turn of an eager task."""
        starting = self.starting.get(get_ident())
        module = sys.modules.get("asyncio.tasks")
        if not starting or module is None:
            return
        # What runs in each loop; to ask `current_task` would run code that may be recorded itself.
        running: dict[Any, Any] = vars(module).get("_current_tasks", {})
        for task in list(running.values()):
            if not self._is_task(task) or self._known.get(task) is not None:
                continue
            if field(task, "_coro") is starting[-1]:
                # It has no name yet but the one that it got by default.
                record = self._create(ledger, thread, task)
                self._switch(ledger, thread, record, task, named=False)

    def _create(self, ledger: Ledger, thread: ThreadRecord, task: Any) -> TaskRecord:
        record = TaskRecord(self._next)
        self._next += 1
        self._known.put(task, record)
        encoder = ledger.encoder
        coroutine = field(task, "_coro")
        plain = type(coroutine) is types.CoroutineType or type(coroutine) is types.GeneratorType
        name = coroutine.__qualname__ if plain else None
        tag, number = encoder.token(name) if type(name) is str else (0, 0)
        ledger.time()
        encoder.event(_HEADS[Kind.TASK_CREATE] | tag, record.number, number)
        return record

    def _note_name(self, ledger: Ledger, record: TaskRecord, task: Any) -> None:
        """Write the task's name, which is often given after it was made, where it is a new one."""
        name = name_of(task)
        if name != record.name:
            record.name = name
            number = ledger.encoder.string(name)
            ledger.encoder.row(Detail.TASK_NAME << 8 | Tag.STR, record.number, number)

    def _forget_starting(self, ident: int) -> None:
        if not self.starting.get(ident):
            self.starting.pop(ident, None)
        self._recorder.look_out()

    # Turns

    def turn_begins(self, ledger: Ledger, thread: ThreadRecord, task: Any) -> None:
        """A callback that is a task's turn is about to be called."""
        if self.starting.pop(get_ident(), None) is not None:
            # Making a task raised.
            self._recorder.look_out()
        record = self._known.get(task) or self._create(ledger, thread, task)
        self._switch(ledger, thread, record, task)

    def _switch(
        self,
        ledger: Ledger,
        thread: ThreadRecord,
        record: TaskRecord,
        task: Any,
        named: bool = True,
    ) -> None:
        self._running.setdefault(thread.number, []).append((record, task))
        if named:
            self._note_name(ledger, record, task)
        ledger.time()
        ledger.encoder.event(_HEADS[Kind.TASK_SWITCH], record.number, 0)
        self._note_cancels(ledger, record, task)

    def turn_ends(self, ledger: Ledger, thread: ThreadRecord, task: Any) -> None:
        """The turn is over."""
        record = self._known.get(task)
        if record is not None and self._is_current(thread, record):
            self._leave(ledger, thread, task)

    def loop_turns(self, ledger: Ledger, thread: ThreadRecord, loop: Any) -> None:
        """A loop begins or ends: turns that an exit of the program cut short are over."""
        running = self._running.get(thread.number)
        while running and an.held_attribute(loop, "_thread_id") is None:
            self._leave(ledger, thread, running[-1][1])

    def _is_current(self, thread: ThreadRecord, record: TaskRecord) -> bool:
        running = self._running.get(thread.number)
        return bool(running) and running[-1][0] is record  # type: ignore[index]

    def _leave(self, ledger: Ledger, thread: ThreadRecord, task: Any) -> None:
        """Tell what the running task has come to; an outer one goes on."""
        running = self._running[thread.number]
        record, _ = running.pop()
        encoder = ledger.encoder
        self._note_cancels(ledger, record, task)
        state = field(task, "_state")
        if state == "PENDING":
            awaited = field(task, "_fut_waiter")
            tag, value = int(Tag.NONE), 0
            if awaited is not None:
                tag, value = int(Tag.OBJECT), ledger.object_id(awaited)
            ledger.time()
            encoder.event(_HEADS[Kind.TASK_AWAIT] | tag, record.number, value)
        else:
            error = field(task, "_exception")
            outcome, result = Operation.RETURNED, field(task, "_result")
            if state == "CANCELLED":
                outcome, result = Operation.CANCELLED, None
            elif error is not None:
                outcome, result = Operation.RAISED, error
            tag, value = ledger.value(result)
            if outcome is Operation.CANCELLED:
                tag = int(Tag.NOTHING)
            encoder.drain()
            ledger.time()
            encoder.row(Detail.OPERATION << 8, outcome, 0)
            encoder.event(_HEADS[Kind.TASK_DONE] | tag, record.number, value)
        if running:
            encoder.event(_HEADS[Kind.TASK_SWITCH], running[-1][0].number, 0)
        else:
            del self._running[thread.number]

    def cancelled(self, ledger: Ledger, thread: ThreadRecord, task: Any) -> None:
        """Somebody has asked for a task to be cancelled."""
        record = self._known.get(task) or self._create(ledger, thread, task)
        record.cancels = cancels_of(task)
        self._note_name(ledger, record, task)
        self._tell_cancel(ledger, record)

    def _tell_cancel(self, ledger: Ledger, record: TaskRecord) -> None:
        ledger.time()
        ledger.encoder.event(_HEADS[Kind.TASK_CANCEL], record.number, 0)

    def _note_cancels(self, ledger: Ledger, record: TaskRecord, task: Any) -> None:
        """Where nobody told of it at the time: at the next turn."""
        count = cancels_of(task)
        if count > record.cancels:
            self._tell_cancel(ledger, record)
        record.cancels = count

    # What is a task

    def _task_of(self, handle: Any) -> Any:
        """The task whose turn the callback of `handle` is; None if it is something else."""
        callback = callback_of(handle)
        cls = type(callback)
        # By identity: to compare types would run code of their metaclasses.
        if cls is types.BuiltinFunctionType:
            if callback.__name__ != _WAKEUP:
                return None
        elif cls is types.MethodType:
            function = callback.__func__
            if type(function) is not types.FunctionType or function.__name__ not in _TURNS:
                return None
        else:
            known = self._wrappers.get(id(cls))
            if known is None:
                known = self._wrappers[id(cls)] = (cls, _is_wrapper(cls))
            if not known[1]:
                return None
        owner = callback.__self__
        return owner if self._is_task(owner) else None

    def _is_task(self, value: Any) -> bool:
        cls = type(value)
        known = self._types.get(id(cls))
        if known is None:
            found = any(an.type_name(base) in _TASK_TYPES for base in an.type_mro(cls))
            known = self._types[id(cls)] = (cls, found)
        return known[1]


def _is_wrapper(cls: type) -> bool:
    return an.type_name(cls).rpartition(".")[2] == "TaskStepMethWrapper"
