"""Locks, semaphores, events and conditions: who held what, and who woke whom."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from escope.engine.replay.event import Event
from escope.engine.replay.recording import Recording
from escope.events import MESSAGE_KINDS, Kind
from tests.capture.recorded import record
from tests.launch.recording import recorded

needs_native = pytest.mark.skipif(
    find_spec("escope.engine.capture._taps") is None, reason="the taps in C were not built"
)


def _told(recording: Recording, what: str) -> list[Event]:
    """The events of objects of a type."""
    return [
        event
        for event in recording.events(kinds=MESSAGE_KINDS)
        if event.target is not None and event.target.type_name.rpartition(".")[2] == what
    ]


def _paired(events: list[Event]) -> list[tuple[str, int | None]]:
    """Each event's kind, and the place among `events` of the one that it answers."""
    places = {event.seq: place for place, event in enumerate(events)}
    answering = ("receive", "release")
    return [
        (e.kind, places[e.partners[0]] if e.kind in answering and e.partners else None)
        for e in events
    ]


PLAIN = """
import threading
lock, again = threading.Lock(), threading.RLock()
with lock:
    pass
assert lock.acquire(timeout=5)
assert not lock.acquire(False) and not lock.acquire(timeout=0.01)
lock.release()
with again:
    with again:
        pass
    again.acquire(blocking=True)
    again.release()
for each in (lock, again):
    try:
        each.release()
    except RuntimeError as error:
        print(error)
"""


@needs_native
def test_a_release_names_its_acquire_and_a_failed_acquire_is_none(tmp_path: Path) -> None:
    _, recording = record(tmp_path, PLAIN)
    with recording:
        assert _paired(_told(recording, "lock")) == [
            ("acquire", None),
            ("release", 0),
            ("acquire", None),
            ("release", 2),
        ]
        assert _paired(_told(recording, "RLock")) == [
            ("acquire", None),
            ("acquire", None),
            ("release", 1),
            ("acquire", None),
            ("release", 3),
            ("release", 0),
        ]


CONTENTION = """
import sys, threading
sys.setswitchinterval(1e-6)
lock, total, order = threading.Lock(), 0, []
def work(name):
    global total
    for _ in range(60):
        with lock:
            order.append(name)
            before = total
            total = before + 1
threads = [threading.Thread(target=work, args=(n,), name=f"worker {n}") for n in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(total, ",".join(map(str, order)))
"""


@needs_native
def test_the_order_in_which_threads_held_a_lock_is_the_true_one(tmp_path: Path) -> None:
    done, recording = record(tmp_path, CONTENTION, settled=False)
    total, order = done.out.split()
    assert total == "360"
    with recording:
        events = _told(recording, "lock")
        held = []
        for acquired, released in zip(events[::2], events[1::2], strict=True):
            assert (acquired.kind_id, released.kind_id) == (Kind.ACQUIRE, Kind.RELEASE)
            assert acquired.thread == released.thread
            assert released.partners == [acquired.seq]
            assert acquired.partners == [released.seq]
            held.append(recording.thread_name(acquired.thread).removeprefix("worker "))
        assert ",".join(held) == order


WAKING = """
import threading
ready, gone = threading.Event(), threading.Event()
condition, waiting, woken = threading.Condition(), 0, []
def wait(name):
    global waiting
    ready.wait(10)
    with condition:
        waiting += 1
        assert condition.wait(10)
        woken.append(name)
threads = [threading.Thread(target=wait, args=(n,), name=f"waiter {n}") for n in range(3)]
for thread in threads:
    thread.start()
assert not gone.wait(0.01)
ready.set()
while waiting < 3:
    pass
for expected in (1, 3):
    with condition:
        condition.notify() if expected == 1 else condition.notify_all()
    while len(woken) < expected:
        pass
for thread in threads:
    thread.join()
with condition:
    assert not condition.wait(0.01)
    condition.notify()
assert ready.wait(0)
"""


def test_a_wait_names_who_woke_it_and_one_that_timed_out_is_none(tmp_path: Path) -> None:
    _, recording = record(tmp_path, WAKING, settled=False)
    with recording:
        waits = _paired(_told(recording, "Event"))
        assert waits[0] == ("send", None)
        assert waits[1:] == [("receive", 0)] * 4
        told = _paired(_told(recording, "Condition"))
        assert [kind for kind, _ in told].count("send") == 3
        # One by the first notification, two by the second, none by the last.
        assert told == [
            ("send", None),
            ("receive", 0),
            ("send", None),
            ("receive", 2),
            ("receive", 2),
            ("send", None),
        ]


@needs_native
def test_a_wait_gives_its_lock_back_and_takes_it_again(tmp_path: Path) -> None:
    _, recording = record(tmp_path, WAKING, settled=False)
    with recording:
        holder: dict[int | None, int] = {}
        for event in _told(recording, "RLock"):
            assert event.target is not None
            lock = event.target.id
            if event.kind_id is Kind.ACQUIRE:
                assert holder.setdefault(lock, event.thread) == event.thread
            else:
                assert holder.pop(lock) == event.thread
        assert not holder


PERMITS = """
import asyncio, threading
permits, most, inside = threading.BoundedSemaphore(2), 0, 0
guard = threading.Lock()
def enter():
    global most, inside
    for _ in range(20):
        with permits:
            with guard:
                inside += 1
                most = max(most, inside)
            with guard:
                inside -= 1
threads = [threading.Thread(target=enter) for _ in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert most <= 2
assert permits.acquire(timeout=1) and permits.acquire() and not permits.acquire(blocking=False)
permits.release(2)
try:
    permits.release()
except ValueError as error:
    print(error)
"""


def test_no_more_permits_are_out_than_there_are(tmp_path: Path) -> None:
    _, recording = record(tmp_path, PERMITS)
    with recording:
        out: set[int] = set()
        events = _told(recording, "BoundedSemaphore")
        for event in events:
            if event.kind_id is Kind.ACQUIRE:
                out.add(event.seq)
                assert len(out) <= 2
            else:
                (acquired,) = event.partners
                out.remove(acquired)
        assert not out
        assert len(events) == 2 * (5 * 20 + 2)


ASYNC = """
import asyncio
async def user(lock, event, condition, permits):
    async with lock:
        await asyncio.sleep(0)
    await event.wait()
    async with condition:
        await condition.wait()
    async with permits:
        await asyncio.sleep(0)
async def main():
    lock, event = asyncio.Lock(), asyncio.Event()
    condition, permits = asyncio.Condition(), asyncio.Semaphore(1)
    async with asyncio.TaskGroup() as group:
        for name in ("one", "two"):
            group.create_task(user(lock, event, condition, permits), name=name)
        while not condition._waiters:
            event.set()
            await asyncio.sleep(0)
        while len(condition._waiters) < 2:
            await asyncio.sleep(0)
        async with condition:
            condition.notify_all()
    waiting = asyncio.create_task(lock.acquire())
    async with lock:
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)
    except TimeoutError:
        print("nobody set it")
asyncio.run(main())
"""


def test_what_asyncio_has_of_them_is_told_by_task(tmp_path: Path) -> None:
    _, recording = record(tmp_path, ASYNC)
    with recording:
        for what in ("Lock", "Semaphore"):
            holder: dict[int | None, Event] = {}
            for event in _told(recording, what):
                assert event.target is not None
                lock = event.target.id
                if event.kind_id is Kind.ACQUIRE:
                    assert lock not in holder
                    holder[lock] = event
                else:
                    acquired = holder.pop(lock)
                    assert event.partners == [acquired.seq]
                    assert event.task == acquired.task
            assert not holder
        waits = _told(recording, "Event")
        assert all(event.partners for event in waits if event.kind == "receive")
        assert sum(event.kind == "receive" for event in waits) == 2
        assert _paired(_told(recording, "Condition")) == [
            ("send", None),
            ("receive", 0),
            ("receive", 0),
        ]


BROKEN = """
import queue, sys, threading
broken = sys.modules["escope.engine.capture.hooks" if sys.argv[1] == "c" else "escope.engine.capture.locks"]
broken.caller = broken.sys = None
with threading.Lock():
    threading.Semaphore().acquire()
channel = queue.SimpleQueue()
channel.put("done")
print(channel.get())
"""


@pytest.mark.parametrize("taps", [pytest.param("c", marks=needs_native), "python"])
def test_a_tap_that_breaks_ends_the_recording_and_not_the_program(
    tmp_path: Path, taps: str
) -> None:
    (tmp_path / "program.py").write_text(BROKEN)
    done = recorded(["program.py", taps], tmp_path, options=["-o", "run.esr"])
    assert (done.status, done.out, done.plain_err) == (0, "done\n", "")
    assert any("recording stopped" in line for line in done.narration)
