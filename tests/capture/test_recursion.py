"""Recursion without an end: the error is the program's own, and so are all frames of its traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from escope.engine.capture.core import CORE
from tests.capture.recorded import record

ENDLESS = """
import traceback


def plain(number):
    return plain(number + 1)


def guarded(number):
    try:
        return guarded(number + 1)
    finally:
        number


class Named:
    def __getattr__(self, name):
        return getattr(self, name + "x")

    def __repr__(self):
        return repr(self)


def delegating(number):
    yield from delegating(number + 1)


def sorting(number):
    return sorted([2, 1], key=lambda one: sorting(one))


def listing(number):
    return [listing(number + 1) for _ in range(1)]


def handling(number):
    try:
        raise ValueError(number)
    except ValueError:
        handling(number + 1)


def spreading(*positional, **named):
    return spreading(*positional, **named)


WAYS = [
    lambda: plain(0),
    lambda: guarded(0),
    lambda: Named().name,
    lambda: repr(Named()),
    lambda: list(delegating(0)),
    lambda: sorting(0),
    lambda: listing(0),
    lambda: handling(0),
    lambda: spreading(1, named=2),
]
for way in WAYS:
    try:
        way()
    except RecursionError as error:
        last = error
    while last is not None:
        frames = traceback.extract_tb(last.__traceback__)
        print(type(last).__name__, {frame.filename == __file__ for frame in frames})
        last = None if isinstance(last, ValueError) else last.__context__
"""


@pytest.mark.skipif(CORE != "c", reason="the reference core's own frames show at the very limit")
def test_the_traceback_of_endless_recursion_is_the_programs(tmp_path: Path) -> None:
    done, recording = record(tmp_path, ENDLESS)
    with recording:
        assert done.status == 0
        assert done.out.count("{True}") >= 10
        assert "False" not in done.out
        assert recording.info()["partial"] is None
