"""Runs a program under a trace function that does nothing: ``nothing.py SCRIPT ARG…``."""

from __future__ import annotations

import os
import runpy
import sys
import threading
from types import FrameType
from typing import Any


def nothing(frame: FrameType, event: str, argument: Any) -> Any:
    """Trace on."""
    return nothing


if __name__ == "__main__":
    del sys.argv[0]
    sys.path[0] = os.path.dirname(sys.argv[0])
    threading.settrace(nothing)
    sys.settrace(nothing)
    runpy.run_path(sys.argv[0], run_name="__main__")
