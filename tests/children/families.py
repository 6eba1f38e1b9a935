"""Programs of several processes, each of which counts by itself what it did.

`work(label, n)` is what every process calls: its loop's body runs n times.  The count goes to a file, together
with the process's number of the system, by one write; the recording has to say the same of each process.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from escope.engine.replay.recording import Recording
from tests.launch.recording import Run, plain, recorded

WORK = """
import json, os, sys

def work(label, n):
    total = 0
    for step in range(n):
        total += step * len(label)
    line = json.dumps([os.getpid(), label, n, total]) + "\\n"
    witness = os.open("witness", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(witness, line.encode())
    os.close(witness)
    return total
"""


def witnessed(folder: Path) -> dict[int, list[tuple[str, int, int]]]:
    """By the system's number of a process: label, count and result of each call of `work`, in order."""
    found = defaultdict(list)
    for line in (folder / "witness").read_text().splitlines():
        pid, label, n, total = json.loads(line)
        found[pid].append((label, n, total))
    return dict(found)


def told(recording: Recording) -> list[tuple[str, int, int]]:
    """The same from a process's stream: the arguments, how often the body ran, the result of each call."""
    calls: list[tuple[str, int, int]] = []
    open_calls: dict[int, list[Any]] = {}
    for event in recording.events():
        if event.function != "work":
            continue
        if event.kind == "call":
            label = event.arguments["label"].scalar
            open_calls[event.frame] = [label, 0]
        elif event.kind == "store" and event.name == "total":
            open_calls[event.frame][1] += 1
        elif event.kind == "return":
            label, stores = open_calls.pop(event.frame)
            assert event.value is not None
            calls.append((label, stores - 1, event.value.scalar))
    return calls


def check(recording: Recording, folder: Path) -> dict[int, Recording]:
    """Compare every process's stream with what it wrote itself; return the streams by the system's numbers."""
    expected = witnessed(folder)
    streams: dict[int, Recording] = {}
    found: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for info in recording.processes:
        stream = recording.process(info.number)
        assert stream.event_count == info.events
        assert info.pid is not None
        streams[info.pid] = stream
        found[info.pid] += told(stream)
        whole(stream)
    # Threads take turns in another order where they write than where they return.
    assert {pid: sorted(calls) for pid, calls in found.items() if calls} == {
        pid: sorted(calls) for pid, calls in expected.items()
    }
    return streams


def whole(stream: Recording) -> None:
    """A stream can be read by itself: every state and value in it, and each event says whose it is."""
    kinds: Counter[str] = Counter()
    for event in stream.events():
        kinds[event.kind] += 1
        document = event.to_json()
        assert document["process"] == stream.number
    assert kinds == stream.store.info()["kinds"]
    for seq in range(0, stream.event_count, max(stream.event_count // 7, 1)):
        stream.at(seq).to_json()


def both(program: str, folder: Path, *options: str) -> tuple[Run, Run]:
    """Run the program, with `work`, without and with escope; the witness file is the recorded run's."""
    (folder / "program.py").write_text(WORK + program)
    alone = plain(["program.py"], folder)
    (folder / "witness").unlink(missing_ok=True)
    found = recorded(["program.py"], folder, options=("-o", "run.esr", "--force", *options))
    return alone, found


def same(program: str, folder: Path, *options: str) -> Recording:
    """Run the program both ways, see that nothing differs, and open the recording."""
    alone, found = both(program, folder, *options)
    assert (found.status, found.out, found.plain_err) == (alone.status, alone.out, alone.err)
    assert len(found.narration) == 1, found.err
    assert not (folder / "run.esr.part").exists(), found.err
    return Recording.open(folder / "run.esr")
