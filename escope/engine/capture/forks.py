"""Forks: a child goes on in a stream of its own, which begins where it was forked.

Three hooks stand around `fork`.  The first claims a number for the child and writes the FORK event; in the
child, the third has the recorder begin anew.  Between the two, the child has all that its parent had, and runs
none of the program's code but finalizers of what belonged to other threads.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from pathlib import Path
from typing import TYPE_CHECKING

from escope.engine.capture.newcomer import Newcomer
from escope.engine.capture.unseen import unseen
from escope.errors import EscopeError
from escope.storage.processes import Claim
from escope.storage.rows import Start

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder


class Forks:
    """The hooks of one recorder; `part` is the recording's directory, None where children are not recorded."""

    def __init__(self, recorder: Recorder, part: Path | None) -> None:
        self._recorder = recorder
        self._part = part
        self._pending: dict[int, Newcomer] = {}
        """By thread: the child that it is forking."""

    def attach(self) -> None:
        """Put the hooks in place, for as long as the process lives."""
        os.register_at_fork(
            before=unseen(self._before),
            after_in_parent=unseen(self._in_parent),
            after_in_child=unseen(self._in_child),
        )

    def _before(self) -> None:
        recorder = self._recorder
        if self._part is None or not recorder.on:
            return
        try:
            claim = Claim.make(self._part, recorder.last_child, fork=True)
        except OSError:
            return
        recorder.last_child = claim.number
        at = recorder.starts(Start.FORK, claim.number)
        if at is None:
            claim.release()
            return
        self._pending[get_ident()] = Newcomer(claim, recorder.process, at, Start.FORK)

    def _in_parent(self) -> None:
        newcomer = self._pending.pop(get_ident(), None)
        if newcomer is not None:
            newcomer.claim.release()

    def _in_child(self) -> None:
        newcomer = self._pending.pop(get_ident(), None)
        for other in self._pending.values():
            other.claim.release()
        self._pending.clear()
        recorder = self._recorder
        if newcomer is None:
            recorder.leave()
            return
        newcomer.argv = [str(word) for word in getattr(sys, "argv", ())]
        newcomer.inherits = [*recorder.inherits, (recorder.process, recorder.table.size)]
        try:
            recorder.restart(newcomer)
        except (EscopeError, OSError):
            recorder.leave()
        finally:
            newcomer.claim.release()
