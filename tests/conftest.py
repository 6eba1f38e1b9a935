"""What all tests share: hypothesis settings that do not depend on the machine's speed, and a code cache."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Deadlines measure the machine, not the code; examples are the same on every run unless asked otherwise.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("ESCOPE_HYPOTHESIS", "steady"))

# A shell that runs the tests in the background makes them ignore Ctrl+C, and the programs they start too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Not the one of whoever runs the tests; the workers of pytest-xdist inherit it.
if "ESCOPE_CACHE" not in os.environ:
    os.environ["ESCOPE_CACHE"] = tempfile.mkdtemp(prefix="escope-tests-")
    atexit.register(shutil.rmtree, os.environ["ESCOPE_CACHE"], ignore_errors=True)

SPREAD = frozenset({"benchmarks", "cli", "graphs", "predicate", "replay", "storage", "tui"})
"""Folders whose tests are about no bytecode: what they test is the same on every interpreter."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `ESCOPE_SPREAD_TESTS`, run each test in those folders on one of the three interpreters only."""
    if "ESCOPE_SPREAD_TESTS" not in os.environ:
        return
    here, mine = Path(__file__).parent, sys.version_info.minor - 11
    kept, left = [], []
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        elsewhere = folder in SPREAD and zlib.crc32(item.nodeid.encode()) % 3 != mine
        (left if elsewhere else kept).append(item)
    if left:
        items[:] = kept
        config.hook.pytest_deselected(items=left)
