"""Whose code may keep what it is handed, by where the code itself lies."""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from escope.engine.capture.calls import keeps_for_itself


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
