"""Counts what a program does, without escope: ``census.py (all | lines) RESULT SCRIPT ARG…``.

A trace function counts the line, call and return events of code that lies in the script's folder and, with
`all`, every instruction that stores or deletes something.  RESULT gets the counts as JSON.
"""

from __future__ import annotations

import dis
import json
import os
import runpy
import sys
import threading
from collections import Counter
from types import CodeType, FrameType
from typing import Any

STORES = {
    "STORE_FAST": ("store",),
    "STORE_FAST_LOAD_FAST": ("store",),
    "STORE_FAST_STORE_FAST": ("store", "store"),
    "STORE_NAME": ("store",),
    "STORE_GLOBAL": ("store",),
    "STORE_DEREF": ("store",),
    "STORE_ATTR": ("setattr",),
    "STORE_SUBSCR": ("setitem",),
    "STORE_SLICE": ("setitem",),
    "DELETE_FAST": ("delete",),
    "DELETE_NAME": ("delete",),
    "DELETE_GLOBAL": ("delete",),
    "DELETE_DEREF": ("delete",),
    "DELETE_ATTR": ("delattr",),
    "DELETE_SUBSCR": ("delitem",),
}
"""What one execution of an instruction counts as."""


class Census:
    """The counts of all threads."""

    def __init__(self, folder: str, stores: bool) -> None:
        self.prefix = folder + os.sep
        self.stores = stores
        self.counts: Counter[str] = Counter()
        self._codes: dict[CodeType, Stores] = {}

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The trace function of threads: decides about each frame that begins or goes on."""
        code = frame.f_code
        if not code.co_filename.startswith(self.prefix):
            return None
        self.counts["call"] += 1
        if not self.stores:
            return self.line
        if code not in self._codes:
            self._codes[code] = Stores(code)
        # CPython 3.13 asks at the assignment of the second whether there is the first.
        frame.f_trace = Visit(self.counts, self._codes[code]).event
        frame.f_trace_opcodes = True
        return frame.f_trace

    def line(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The trace function of a frame of which only lines, calls and returns count."""
        self.counts[event] += 1
        return self.line


class Stores:
    """Where a code object stores and deletes."""

    def __init__(self, code: CodeType) -> None:
        instructions = list(dis.get_instructions(code))
        self.kinds = {
            one.offset: STORES[one.opname] for one in instructions if one.opname in STORES
        }
        hidden = {one.argval for one in instructions if one.opname == "LOAD_FAST_AND_CLEAR"}
        self.doubtful: dict[int, str] = {
            one.offset: one.argval
            for one in instructions
            if one.opname == "STORE_FAST" and one.argval in hidden
        }
        """Stores that may only undo what an inlined comprehension hid: nothing, as a rule."""


class Visit:
    """One stay in a frame."""

    def __init__(self, counts: Counter[str], stores: Stores) -> None:
        self.counts = counts
        self.kinds = stores.kinds
        self.doubtful = stores.doubtful
        self.asked: str | None = None
        """The variable that the instruction before this event stored, if that is doubtful."""

    def event(self, frame: FrameType, event: str, argument: Any) -> Any:
        """The trace function of the frame; `opcode` events come before their instruction."""
        if self.asked is not None:
            # What is put back is unbound: the programs use a comprehension's variables nowhere else.
            self.counts["store" if self.asked in frame.f_locals else "put-back"] += 1
            self.asked = None
        if event != "opcode":
            self.counts[event] += 1
        elif frame.f_lasti in self.doubtful:
            self.asked = self.doubtful[frame.f_lasti]
        else:
            for kind in self.kinds.get(frame.f_lasti, ()):
                self.counts[kind] += 1
        return self.event


def main() -> None:
    """Run the program and write what it did."""
    _, what, result, *arguments = sys.argv
    sys.argv[:] = arguments
    sys.path[0] = os.path.dirname(arguments[0])
    census = Census(sys.path[0], what == "all")
    # CPython 3.12 decides in settrace() whether there are opcode events, for all frames.
    sys._getframe().f_trace_opcodes = census.stores
    threading.settrace(census.enter)
    sys.settrace(census.enter)
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    finally:
        sys.settrace(None)
        with open(result, "w", encoding="ascii") as file:
            json.dump(census.counts, file)


if __name__ == "__main__":
    main()
