"""The one owner of worker threads: it asks the engine, and posts what it says as messages.

Invariant: moves are worked off in the order they were asked for, each from where the one before it
arrived, so that fast typing ends where slow typing does.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from textual.message import Message

from escope.errors import EscopeError
from escope.tui.messages import MoveDone, WorkCancelled, WorkFailed

Post = Callable[[Message], object]


class Cancelled(Exception):
    """The work was given up."""


class Token:
    """Tells a piece of work whether it is still wanted."""

    __slots__ = ("_set",)

    def __init__(self) -> None:
        self._set = False

    def cancel(self) -> None:
        """Have the work give up at its next look."""
        self._set = True

    def cancelled(self) -> bool:
        """Whether to give up."""
        return self._set

    def check(self) -> None:
        """Raise `Cancelled` if the work is not wanted any more."""
        if self._set:
            raise Cancelled


Find = Callable[[int, Token], int | None]
"""From a position to another one, or None."""
Work = Callable[[Token], Message | None]


@dataclass(slots=True)
class Move:
    """A move that was asked for."""

    title: str
    find: Find
    jump: bool
    token: Token = field(default_factory=Token)


class Lane:
    """One thread that works on one piece after the other; of one topic only the newest is kept."""

    def __init__(self, name: str, post: Post) -> None:
        self._post = post
        self._wake = threading.Condition()
        self._jobs: dict[str, tuple[Work, Token]] = {}
        self._current: tuple[str, Token] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether nothing is done or waits."""
        with self._wake:
            return self._current is None and not self._jobs

    def ask(self, topic: str, work: Work) -> None:
        """Have `work` done; work of the same topic that waits or runs is given up."""
        with self._wake:
            self._jobs.pop(topic, None)
            if self._current is not None and self._current[0] == topic:
                self._current[1].cancel()
            self._jobs[topic] = (work, Token())
            self._wake.notify()

    def cancel(self) -> None:
        """Give up what is done now, and all that waits."""
        with self._wake:
            self._jobs.clear()
            if self._current is not None:
                self._current[1].cancel()

    def close(self) -> None:
        """Give up everything and end the thread."""
        with self._wake:
            self._closed = True
            self._jobs.clear()
            if self._current is not None:
                self._current[1].cancel()
            self._wake.notify()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._current = None
                while not self._jobs and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                topic = next(iter(self._jobs))
                work, token = self._jobs.pop(topic)
                self._current = (topic, token)
            message = attempt(work, token)
            if message is not None and not token.cancelled():
                self._post(message)


def attempt(work: Work, token: Token) -> Message | None:
    """What `work` says, or that it failed; None where it was cancelled."""
    try:
        return work(token)
    except Cancelled:
        return None
    except EscopeError as error:
        return WorkFailed(str(error))
    except Exception as error:
        # The player stays usable whatever a damaged recording makes the engine do.
        return WorkFailed(f"internal error: {type(error).__name__}: {error}")


class Mover:
    """The thread that moves: a queue of moves, then the picture of where they arrived."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._wake = threading.Condition()
        self._moves: deque[Move] = deque()
        self._picture: tuple[Work, Token] | None = None
        self._busy: tuple[Move | None, Token, float] | None = None
        self._closed = False
        self.at = 0
        """Where the last finished move arrived."""
        self._thread = threading.Thread(target=self._run, name="escope-mover", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether nothing is done or waits."""
        with self._wake:
            return self._busy is None and not self._moves and self._picture is None

    @property
    def busy_with(self) -> tuple[str, float] | None:
        """Title of what is done now, and for how many seconds; None: nothing."""
        with self._wake:
            if self._busy is None:
                return None
            move = self._busy[0]
            return move.title if move is not None else "", time.monotonic() - self._busy[2]

    @property
    def waiting(self) -> int:
        """Moves asked for and not yet done."""
        with self._wake:
            return len(self._moves)

    def move(self, title: str, find: Find, jump: bool = False) -> None:
        """Queue a move."""
        with self._wake:
            self._moves.append(Move(title, find, jump))
            self._wake.notify()

    def show(self, work: Work) -> None:
        """Have the picture made; one that is still being made of another place is given up."""
        with self._wake:
            if self._picture is not None:
                self._picture[1].cancel()
            if self._busy is not None and self._busy[0] is None:
                self._busy[1].cancel()
            self._picture = (work, Token())
            self._wake.notify()

    def cancel(self) -> bool:
        """Give up the moves; say whether there were any."""
        with self._wake:
            had = bool(self._moves)
            self._moves.clear()
            if self._busy is not None and self._busy[0] is not None:
                self._busy[1].cancel()
                had = True
            return had

    def close(self) -> None:
        """Give up everything and end the thread."""
        with self._wake:
            self._closed = True
            self._moves.clear()
            self._picture = None
            if self._busy is not None:
                self._busy[1].cancel()
            self._wake.notify()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._busy = None
                while not self._moves and self._picture is None and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                move = self._moves.popleft() if self._moves else None
                work: Work | None = None
                if move is None:
                    assert self._picture is not None
                    work, token = self._picture
                    self._picture = None
                else:
                    token = move.token
                self._busy = (move, token, time.monotonic())
            if move is not None:
                self._do(move)
            elif work is not None:
                message = attempt(work, token)
                if message is not None and not token.cancelled():
                    self._post(message)

    def _do(self, move: Move) -> None:
        def work(token: Token) -> Message:
            seq = move.find(self.at, token)
            token.check()
            if seq is not None:
                self.at = seq
            return MoveDone(seq, move.title, move.jump)

        message = attempt(work, move.token)
        self._post(message if message is not None else WorkCancelled(move.title))


class Reader:
    """Moves, panels and counts on threads of their own: a slow one holds up none of the others."""

    def __init__(self, post: Post) -> None:
        self.mover = Mover(post)
        self.panels = Lane("escope-panels", post)
        self.counts = Lane("escope-counts", post)
        """What may take long: comparing states, counting over the whole recording."""
        self.watch = Lane("escope-watch", post)
        """Looks whether the recording has grown."""

    @property
    def idle(self) -> bool:
        """Whether nothing that was asked for is done or waits."""
        return self.mover.idle and self.panels.idle and self.counts.idle

    def close(self) -> None:
        """End all threads."""
        self.mover.close()
        self.panels.close()
        self.counts.close()
        self.watch.close()
