"""The task of every row, and the indexes of tasks and messages, against a walk over the rows one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from escope.events import Kind
from escope.storage.checkpoint import Checkpoint
from escope.storage.columns import ROWS, Columns
from escope.storage.index import ArrayRun, Family, lookup
from escope.storage.rows import FIRST_SITELESS, Detail
from escope.storage.sites import Sites
from escope.storage.tracker import Tracker

THREAD = int(Detail.THREAD) << 8
OPERATION = int(Detail.OPERATION) << 8


def _head(kind: Kind) -> int:
    return (FIRST_SITELESS + kind) << 8


def _random_rows(chance: random.Random, count: int) -> list[tuple[int, int, int]]:
    rows = [(THREAD, 1, 0)]
    for _ in range(count):
        match chance.randrange(7):
            case 0:
                rows.append((THREAD, chance.randrange(1, 5), 0))
            case 1 | 2:
                rows.append((_head(Kind.TASK_SWITCH), chance.randrange(1, 9), 0))
            case 3:
                kind = chance.choice((Kind.TASK_AWAIT, Kind.TASK_DONE))
                rows.append((_head(kind), chance.randrange(1, 9), 0))
            case 4:
                rows.append((OPERATION, 1, chance.randrange(4)))
                rows.append((_head(chance.choice((Kind.SEND, Kind.RECEIVE))), 0, 0))
            case _:
                rows.append((_head(Kind.HIT), 1, 0))
    rows.append((_head(Kind.HIT), 1, 0))
    return rows


def _walked(rows: list[tuple[int, int, int]]) -> list[int]:
    thread, running, found = 0, {}, []
    for head, aux, _ in rows:
        if head == THREAD:
            thread = aux
        if head == _head(Kind.TASK_SWITCH):
            running[thread] = aux
        found.append(running.get(thread, 0))
        if head in (_head(Kind.TASK_AWAIT), _head(Kind.TASK_DONE)):
            running[thread] = 0
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_task_of_every_row_is_what_its_thread_runs(seed: int) -> None:
    chance = random.Random(seed)
    rows = _random_rows(chance, 200)
    array = np.array(rows, ROWS)
    tracker = Tracker(Sites(), lambda frame, block: None)
    found: list[int] = []
    runs, start = [], 0
    ends = [n + 1 for n, row in enumerate(rows) if row[0] >= FIRST_SITELESS << 8]
    for end in sorted({*chance.sample(ends, 12), len(rows)}):
        checkpoint = Checkpoint.decode(tracker.checkpoint.encode())
        found += Columns(array[start:end], checkpoint, Sites()).task.tolist()
        runs.append(ArrayRun(tracker.advance(array[start:end]).entries))
        start = end
    assert found == _walked(rows)
    _messages_are_indexed(rows, runs)


def _messages_are_indexed(rows: list[tuple[int, int, int]], runs: list[ArrayRun]) -> None:
    seq = 0
    expected: dict[int, list[int]] = {}
    for head, _, value in rows:
        if head == OPERATION and value:
            expected.setdefault(value, []).append(seq)
        seq += head >= FIRST_SITELESS << 8
    for message in range(1, 4):
        found = lookup(runs, Family.MESSAGES, message).tolist()
        assert found == expected.get(message, [])
