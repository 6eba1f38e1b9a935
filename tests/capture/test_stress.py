"""Eight threads and fifty tasks at once: nothing is lost, nothing comes twice, every receive has its own send."""

from __future__ import annotations

import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from escope.engine.replay.recording import Recording
from escope.events import Kind
from tests.capture.recorded import record, scalar
from tests.capture.test_messages import EQUAL

NATIVE = find_spec("escope.engine.capture._taps") is not None

STRESS = (
    EQUAL
    + """
import asyncio, json, queue, sys, threading
from concurrent.futures import ThreadPoolExecutor
ROUNDS, THREADS, TASKS = 24, 8, 50
sys.setswitchinterval(1e-6)
sent, received, log = {}, {}, threading.Lock()
counted = [0]

def note(into, name, serial):
    with log:
        into.setdefault(name, []).append(serial)

def produce(name, channel, first):
    for serial in range(first, first + ROUNDS):
        note(sent, name, serial)
        channel.put(Message(serial, serial % 5))

def consume(name, channel):
    for _ in range(ROUNDS):
        note(received, name, channel.get().serial)

def through_threads(cls):
    channel = cls()
    threads = []
    for number in range(THREADS // 2):
        threads.append(threading.Thread(target=produce, args=(cls.__name__, channel, number * 1000)))
        threads.append(threading.Thread(target=consume, args=(cls.__name__, channel)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

async def produce_later(channel, first):
    for serial in range(first, first + ROUNDS):
        note(sent, "asyncio", serial)
        await channel.put(Message(serial))

async def consume_later(channel):
    for _ in range(ROUNDS):
        note(received, "asyncio", (await channel.get()).serial)
        await asyncio.sleep(0)

async def through_tasks():
    channel = asyncio.Queue(maxsize=3)
    async with asyncio.TaskGroup() as group:
        for number in range(TASKS // 2):
            group.create_task(produce_later(channel, number * 1000), name=f"producer {number}")
            group.create_task(consume_later(channel), name=f"consumer {number}")

def work(serial):
    with log:
        counted[0] += 1
    return Message(serial)

for cls in (queue.Queue, queue.LifoQueue, queue.PriorityQueue, queue.SimpleQueue):
    through_threads(cls)
together = [
    threading.Thread(target=asyncio.run, args=(through_tasks(),)),
    threading.Thread(target=through_threads, args=(queue.Queue,)),
]
for thread in together:
    thread.start()
for thread in together:
    thread.join()
with ThreadPoolExecutor(THREADS) as pool:
    results = [f.result().serial for f in [pool.submit(work, n) for n in range(100)]]
assert results == list(range(100)) and counted == [100]
print(json.dumps({"sent": sent, "received": received}))
"""
)


def test_eight_threads_and_fifty_tasks_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    done, recording = record(tmp_path, STRESS, settled=False)
    assert done.status == 0, done
    truth = json.loads(done.out)
    with recording:
        sends, receives = _messages(recording)
        for told, kind in ((sends, "sent"), (receives, "received")):
            found: dict[str, list[Any]] = {}
            for name, serial, _ in told.values():
                found.setdefault(name, []).append(serial)
            for name, serials in truth[kind].items():
                if name != "SimpleQueue" or NATIVE:
                    assert Counter(found[name]) == Counter(serials), (kind, name)
        answered: Counter[int] = Counter()
        for seq, (name, serial, message) in receives.items():
            (partner,) = recording.event(seq).partners
            assert partner < seq
            # The very message, though all are equal.
            assert sends[partner] == (name, serial, message)
            answered[partner] += 1
        assert set(answered) == set(sends)
        assert set(answered.values()) == {1}
        _locks_follow_each_other(recording)
        _tasks_are_whole(recording)


def _messages(recording: Recording) -> tuple[dict[int, Any], dict[int, Any]]:
    """By seq: queue, serial and message id of everything that was put and got."""
    found: dict[str, dict[int, Any]] = {"put": {}, "get": {}}
    names: dict[int | None, str] = {}
    for event in recording.events(kinds={Kind.SEND, Kind.RECEIVE}):
        if event.name not in found:
            continue
        assert event.target is not None
        name = names.setdefault(
            event.target.id,
            "asyncio"
            if event.target.type_name.startswith("asyncio")
            else event.target.type_name.rpartition(".")[2],
        )
        found[str(event.name)][event.seq] = (name, scalar(event, "serial"), event.message)
    return found["put"], found["get"]


def _locks_follow_each_other(recording: Recording) -> None:
    """Nobody acquires a lock that somebody else has not released."""
    holder: dict[int | None, int] = {}
    count = 0
    for event in recording.events(kinds={Kind.ACQUIRE, Kind.RELEASE}):
        if event.target is None or not event.target.type_name.endswith("thread.lock"):
            continue
        lock = event.target.id
        if event.kind_id is Kind.ACQUIRE:
            assert lock not in holder
            holder[lock] = event.seq
            count += 1
        else:
            assert event.partners == [holder.pop(lock)]
    assert not holder
    assert (count > 1000) == NATIVE


def _tasks_are_whole(recording: Recording) -> None:
    """Every task is made once and done once; each event of its coroutines is its own."""
    made: dict[int | None, str] = {}
    done: Counter[int | None] = Counter()
    for event in recording.events(kinds={Kind.TASK_CREATE, Kind.TASK_DONE}):
        if event.kind_id is Kind.TASK_CREATE:
            assert event.subject not in made
            made[event.subject] = str(event.name)
        else:
            assert event.outcome == "returned"
            done[event.subject] += 1
    assert set(done) == set(made)
    assert set(done.values()) == {1}
    names = Counter(name.partition(" ")[0] for name in made.values())
    assert (names["producer"], names["consumer"]) == (25, 25)
    frames: dict[int, set[int | None]] = {}
    lines = 0
    for event in recording.events(kinds={Kind.LINE}):
        function = str(event.function)
        if function in ("produce_later", "consume_later"):
            assert event.task is not None
            assert made[event.task].startswith(function[:7])
            frames.setdefault(event.frame, set()).add(event.task)
            lines += 1
        elif function in ("produce", "consume"):
            assert event.task is None
    assert len(frames) == 50
    assert all(len(tasks) == 1 for tasks in frames.values())
    assert lines > 50 * 24
