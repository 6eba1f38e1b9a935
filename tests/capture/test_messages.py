"""Messages: each receive names the one send that it answers, however equal the messages are."""

from __future__ import annotations

import json
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from escope.engine.replay.event import Event
from escope.engine.replay.recording import Recording
from escope.events import Kind
from tests.capture.recorded import record, scalar
from tests.launch.recording import run

NATIVE = find_spec("escope.engine.capture._taps") is not None
MESSAGES = {Kind.SEND, Kind.RECEIVE}

EQUAL = """
class Message:
    def __init__(self, serial, rank=0):
        self.serial = serial
        self.rank = rank
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 1
    def __lt__(self, other):
        return self.rank < other.rank
"""

ORDERS = (
    EQUAL
    + """
import asyncio, json, queue
got = {}
async def through_asyncio():
    for cls in (asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue):
        channel = cls()
        for serial in range(6):
            await channel.put(Message(serial, serial % 3))
        got["asyncio" + cls.__name__] = [(await channel.get()).serial for _ in range(6)]
for cls in (queue.Queue, queue.LifoQueue, queue.PriorityQueue, queue.SimpleQueue):
    channel = cls()
    for serial in range(4):
        channel.put(Message(serial, serial % 3))
    got[cls.__name__] = [channel.get().serial for _ in range(2)]
    for serial in range(4, 6):
        channel.put(Message(serial, serial % 3), timeout=5)
    got[cls.__name__] += [channel.get_nowait().serial for _ in range(4)]
asyncio.run(through_asyncio())
print(json.dumps(got))
"""
)


def _pairs(recording: Recording, events: list[Event]) -> list[tuple[Event, Event]]:
    """Each receive with the send that it names; the send names it back."""
    found = []
    for event in events:
        if event.kind_id is Kind.RECEIVE:
            (seq,) = event.partners
            sent = recording.event(seq)
            assert sent.kind_id is Kind.SEND
            assert sent.message == event.message
            assert event.seq in sent.partners
            found.append((sent, event))
    return found


def test_every_sort_of_queue_matches_equal_messages(tmp_path: Path) -> None:
    done, recording = record(tmp_path, ORDERS)
    with recording:
        events = list(recording.events(kinds=MESSAGES))
        pairs = _pairs(recording, events)
        for sent, received in pairs:
            assert scalar(sent, "serial") == scalar(received, "serial")
            assert sent.target is not None
            assert received.target is not None
            assert sent.target.id == received.target.id
        took = {}
        for _, received in pairs:
            assert received.target is not None
            kind = received.target.type_name.replace("asyncio.queues.", "asyncio")
            took.setdefault(kind.rpartition(".")[2], []).append(scalar(received, "serial"))
    expected = json.loads(done.out)
    if not NATIVE:
        del expected["SimpleQueue"]
    assert took == expected
    assert len(pairs) == 6 * len(expected)


IDENTICAL = """
import queue
first, last = queue.Queue(), queue.LifoQueue()
for channel in (first, last):
    for _ in range(4):
        channel.put(None)
    channel.get()
    channel.put(None)
    for _ in range(4):
        channel.get()
first.put("lost")
first.queue.clear()
for _ in range(2):
    first.put("lost")
first.get()
first.queue.append("found")
first.get()
first.get()
"""


def test_one_object_that_is_sent_often_is_matched_by_its_place(tmp_path: Path) -> None:
    _, recording = record(tmp_path, IDENTICAL)
    with recording:
        events = list(recording.events(kinds=MESSAGES))
        sends = [event.seq for event in events if event.kind == "send"]
        answered = []
        for event in events:
            if event.kind == "receive":
                answered += [sends.index(seq) for seq in event.partners] or [None]
    # First in, first out; then last in, first out; then a message that was taken out unseen, and one put unseen.
    assert answered == [0, 1, 2, 3, 4, 8, 9, 7, 6, 5, 11, 12, None]


FAILING = """
import asyncio, queue
channel = queue.Queue(maxsize=1)
for attempt in (channel.get_nowait, lambda: channel.get(timeout=0.01)):
    try:
        attempt()
    except queue.Empty:
        pass
channel.put(1)
for attempt in (channel.put_nowait, lambda item: channel.put(item, timeout=0.01)):
    try:
        attempt(2)
    except queue.Full:
        pass
assert channel.get() == 1
bare = queue.SimpleQueue()
try:
    bare.get(timeout=0.01)
except queue.Empty:
    pass
class Picky(queue.PriorityQueue):
    pass
ranked = Picky()
ranked.put(1)
try:
    ranked.put("not comparable")
except TypeError:
    pass
async def main():
    channel = asyncio.Queue()
    getter = asyncio.create_task(channel.get())
    await asyncio.sleep(0)
    getter.cancel()
    await asyncio.gather(getter, return_exceptions=True)
    try:
        await asyncio.wait_for(channel.get(), 0.01)
    except TimeoutError:
        pass
    await channel.put("one")
    print(await channel.get())
asyncio.run(main())
"""


def test_what_timed_out_or_was_cancelled_is_no_message(tmp_path: Path) -> None:
    _, recording = record(tmp_path, FAILING)
    with recording:
        events = list(recording.events(kinds=MESSAGES))
        told = [(event.kind, event.name, scalar(event)) for event in events]
    assert told == [
        ("send", "put", 1),
        ("receive", "get", 1),
        ("send", "put", 1),
        ("send", "put", "one"),
        ("receive", "get", "one"),
    ]


EXECUTOR = """
import asyncio
from concurrent.futures import ThreadPoolExecutor, as_completed
def double(number):
    if number == 3:
        raise ValueError(number)
    return number * 2
with ThreadPoolExecutor(2, thread_name_prefix="worker") as pool:
    futures = [pool.submit(double, number) for number in range(5)]
    print(sorted(f.result() for f in as_completed(futures) if f.exception() is None))
    print(list(pool.map(double, (7, 8))))
async def main():
    print(await asyncio.to_thread(double, 9))
asyncio.run(main())
"""


def test_work_for_an_executor_and_its_results_are_matched(tmp_path: Path) -> None:
    _, recording = record(tmp_path, EXECUTOR)
    with recording:
        events = list(recording.events(kinds=MESSAGES))
        pairs = _pairs(recording, events)
        names = Counter((sent.name, received.name) for sent, received in pairs)
        assert names["submit", "run"] == 8
        assert names["set_exception", "exception"] == 1
        # Those four, and the one that asyncio asks about.
        assert names["set_result", "exception"] == 5
        for sent, received in pairs:
            if sent.name == "submit":
                assert received.thread != sent.thread
            # What goes through a future: the work, then its result.
            assert sent.target is not None
            assert received.target is not None
            assert sent.target.id == received.target.id
        results = [scalar(event) for event in events if event.name == "result"]
        assert sorted(results[:4]) == [0, 2, 4, 8]
        assert results[4:6] == [14, 16]
        names_of_threads = {recording.thread_name(event.thread) for event in events}
        assert any(name.startswith("worker") for name in names_of_threads)


BEFORE = """
import queue
import escope
channel, bare = queue.Queue(), queue.SimpleQueue()
put, code = queue.Queue.put, queue.Queue.put.__code__
for one in (channel, bare):
    one.put("x")
with escope.record("inner.esr"):
    for one in (channel, bare):
        one.put("x")
        one.get()
        one.get()
    assert queue.Queue.put is put
assert queue.Queue.put.__code__ is code
for one in (channel, bare):
    one.put("x")
    one.get()
"""


def test_a_message_from_before_the_recording_answers_none(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(BEFORE)
    done = run([sys.executable, "program.py"], tmp_path)
    assert done.status == 0, done
    with Recording.open(tmp_path / "inner.esr") as recording:
        events = list(recording.events(kinds=MESSAGES))
        sends = [event for event in events if event.kind == "send"]
        partners = [event.partners for event in events if event.kind == "receive"]
    expected: list[list[int]] = []
    for send in sends:
        expected += [[], [send.seq]]
    assert partners == expected
    assert len(sends) == (2 if NATIVE else 1)


NOTICED = """
import asyncio, inspect, pickle, queue, threading, _thread
import concurrent.futures.thread
print(queue.SimpleQueue.put, queue.SimpleQueue.__dict__["get"], threading.Lock, type(threading.Lock()))
print(queue.Queue.put.__qualname__, inspect.signature(queue.Queue.put), pickle.dumps(queue.Queue.put))
print(hash(inspect.getsource(queue.Queue.get)) == hash(inspect.getsource(queue.Queue.get)))
print(vars(queue.Queue()).keys(), type(_thread.RLock.acquire), asyncio.Task.cancel)
import traceback
try:
    queue.Queue().get(timeout=-1)
except ValueError:
    traceback.print_exc()
try:
    queue.SimpleQueue().put()
except TypeError as error:
    print(error)
try:
    threading.Lock().release()
except RuntimeError as error:
    print(error)
class Own(queue.SimpleQueue):
    def qsize(self):
        raise SystemExit("called")
own = Own()
own.put(5)
print(own.get())
"""


def test_the_program_does_not_notice(tmp_path: Path) -> None:
    done, recording = record(tmp_path, NOTICED)
    recording.close()
    assert done.status == 0, done


AGAIN = """
import asyncio, queue, sys, threading
async def pass_on(loaded, channel):
    await channel.put("in a task")
    task = loaded.create_task(channel.get())
    await loaded.sleep(0)
    other = loaded.create_task(loaded.sleep(60))
    await loaded.sleep(0)
    other.cancel()
    return await task
def use(loaded, types):
    channel = types[0]()
    for item in ("x", "y"):
        channel.put(item)
    print(channel.get(), channel.get_nowait(), channel.qsize())
    waiter = threading.Thread(target=lambda: print(channel.get()))
    waiter.start()
    channel.put("z")
    waiter.join()
    for kind in types[1:]:
        lock = kind()
        with lock:
            lock.release()
            lock.acquire()
    condition = threading.Condition(types[-1]())
    with condition:
        condition.wait(0.001)
    print(loaded.new_event_loop().run_until_complete(pass_on(loaded, loaded.Queue())))
first = asyncio, [queue.SimpleQueue, threading.Lock, threading.RLock]
first_loop = asyncio.new_event_loop()
for name in list(sys.modules):
    if name in ("_queue", "_thread", "_asyncio") or name.partition(".")[0] == "asyncio":
        del sys.modules[name]
import _queue, _thread, asyncio
second = asyncio, [_queue.SimpleQueue, _thread.allocate_lock, _thread.RLock]
assert second[1][0] is not first[1][0] and second[0] is not first[0]
for each in (first, second):
    use(*each)
print(first_loop.run_until_complete(pass_on(first[0], first[0].Queue())))
"""


def test_a_module_that_is_loaded_anew_has_its_messages(tmp_path: Path) -> None:
    _, recording = record(tmp_path, AGAIN)
    with recording:
        pairs = _pairs(recording, list(recording.events(kinds=MESSAGES)))
        values = [scalar(received) for _, received in pairs]
    for value in "xyz" if NATIVE else "":
        assert values.count(value) == 2
    assert values.count("in a task") == 3


@pytest.mark.parametrize("included", ["queue", "asyncio"])
def test_a_library_that_is_recorded_itself_has_its_taps(tmp_path: Path, included: str) -> None:
    text = """
import asyncio, queue
channel = queue.Queue()
channel.put("x")
print(channel.get())
async def main():
    channel = asyncio.Queue()
    await channel.put("y")
    print(await channel.get())
asyncio.run(main())
"""
    _, recording = record(tmp_path, text, ["--include", included])
    with recording:
        events = list(recording.events(kinds=MESSAGES))
        values = [scalar(received) for _, received in _pairs(recording, events)]
    assert values.count("x") == values.count("y") == 1
