"""Keeps the recorder's open files out of the numbers that the program will get."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_FIRST = 64


@contextmanager
def high_descriptors() -> Iterator[None]:
    """What is opened inside gets descriptors from 64 on, where the limits of the process allow it."""
    fillers: list[int] = []
    try:
        try:
            while not fillers or fillers[-1] < _FIRST - 1:
                fillers.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            pass
        yield
    finally:
        for filler in fillers:
            os.close(filler)
