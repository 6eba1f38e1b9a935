"""Whose code may keep what it is handed, by where the code itself lies."""

from __future__ import annotations

import abc
import contextlib
import enum
import functools
import itertools
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from escope.engine.capture import calls
from escope.engine.capture.calls import keeps_for_itself, runs_seen_code, suspects


def _library(source: str) -> dict[str, Any]:
    """The globals of a third-party module with this source."""
    names: dict[str, Any] = {"__name__": "some_library"}
    exec(compile(source, "some_library.py", "exec"), names)
    return names


@contextlib.contextmanager
def managed(value: list[int]) -> Iterator[list[int]]:
    yield value


def _plain(value: list[int]) -> None:
    pass


def _seen(code: types.CodeType) -> bool:
    return code in (_plain.__code__, managed.__wrapped__.__code__)


@pytest.mark.parametrize(
    ("callee", "keeps"),
    [
        (managed, False),
        (functools.partial, False),
        (contextlib.ExitStack().push, False),
        (_plain, False),
        (types.FunctionType.__get__, False),
        (types.FunctionType, False),
        ([].append, False),
        (_library("def register(thing): pass")["register"], True),
        (_library("class Holder:\n def hold(self, thing): pass")["Holder"]().hold, True),
    ],
)
def test_only_third_party_code_keeps_for_itself(callee: Callable[..., object], keeps: bool) -> None:
    assert keeps_for_itself(callee, _seen) is keeps


def test_a_wrapper_that_took_over_a_name_is_still_its_library_s() -> None:
    library = _library(
        "import functools\n"
        "def wrap(function):\n"
        "    @functools.wraps(function)\n"
        "    def wrapper(*arguments): pass\n"
        "    return wrapper\n"
    )
    wrapped = library["wrap"](contextlib.suppress)
    assert wrapped.__module__ == "contextlib"
    assert keeps_for_itself(wrapped, _seen)


class Made:
    def __init__(self) -> None:
        pass


Abstract = abc.ABCMeta("Abstract", (), {"__init__": Made.__init__})


class Counting(type):
    def __call__(cls) -> object:
        return super().__call__()


class Counted(metaclass=Counting):
    def __init__(self) -> None:
        pass


class Colour(enum.Enum):
    RED = 1


class Renewed:
    def __new__(cls) -> object:
        return object.__new__(cls)


class Numbered(int):
    pass


@pytest.mark.parametrize(
    ("callee", "seen"),
    [
        *((Made, True), (Abstract, True), (Counted, False), (Colour, False)),
        *((Renewed, True), (Numbered, False)),
    ],
)
def test_calling_a_class_is_seen_where_its_metaclass_leaves_that_to_type(
    callee: type, seen: bool
) -> None:
    assert runs_seen_code(callee, lambda code: True) is seen


class Countdown:
    def __iter__(self) -> Countdown:
        return self

    def __next__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("iterator", "seen", "changes"),
    [
        (iter([1]), True, False),
        (reversed(deque([1])), True, False),
        (iter({1: 2}.items()), True, False),
        (Countdown(), True, False),
        (Countdown(), False, True),
        (map(_plain, [[1]]), True, True),
        (itertools.chain([1]), True, True),
    ],
)
def test_only_iterators_that_run_code_are_suspected_by_next(
    iterator: Iterator[Any], seen: bool, changes: bool
) -> None:
    calls._SEEN_CLASSES.clear()
    assert bool(suspects(next, (iterator,), lambda code: seen)) is changes
    calls._SEEN_CLASSES.clear()
