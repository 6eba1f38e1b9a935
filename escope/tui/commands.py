"""The command line: positions, and the few things that have no key of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from escope.errors import PositionError, UsageError
from escope.tui.evaluation import evaluate
from escope.tui.plain import plain

if TYPE_CHECKING:
    from escope.tui.actions import Actions
    from escope.tui.app import Cinema

COMMANDS = (
    ("N, start, end, N%, exception", "go there"),
    ("line N", "put the cursor on a line"),
    ("file NAME", "show another source file"),
    ("break NAME:N", "set or clear a breakpoint"),
    ("when EXPRESSION", "set or clear a condition"),
    ("find EXPRESSION", "search"),
    ("diff N", "compare this moment with position N"),
    ("help, q", ""),
)
"""What can be typed, and what it does."""


class Commands:
    """Carries out what is typed after `:`."""

    def __init__(self, app: Cinema, actions: Actions) -> None:
        self._app = app
        self._actions = actions

    def run(self, text: str) -> None:
        """Carry out a command.  Raises UsageError for what is none."""
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        app, actions = self._app, self._actions
        if word in ("q", "quit"):
            app.act("quit")
        elif word in ("h", "help"):
            app.act("help")
        elif word == "line" and rest.isdigit():
            app.set_view(app.view.with_cursor(int(rest)))
        elif word == "file" and rest:
            app.set_view(replace(app.view, file=self._file(rest), cursor=1))
        elif word in ("break", "b") and rest:
            name, _, line = rest.rpartition(":")
            if not line.isdigit():
                raise UsageError(f"break takes NAME:LINE, not {plain(rest)!r}")
            file = self._file(name) if name else app.projector.file
            if file is not None:
                app.set_view(app.view.toggled_breakpoint(file, int(line)))
                actions.driving.send_predicates()
        elif word == "when" and rest:
            actions.break_when(rest)
        elif word == "find" and rest:
            actions.search(rest)
        elif word == "diff" and rest:
            app.set_view(replace(app.view, marks={**app.view.marks, "d": self._position(rest)}))
            app.set_view(replace(app.view, marked="d"))
            app.act("compare")
        else:
            seq = self._position(text)
            actions.seek(seq)

    def evaluate(self, text: str) -> None:
        """Say what an expression is at this moment."""
        app = self._app
        if not app.view.events:
            app.say("nothing is recorded yet")
            return
        app.reader.panels.ask("evaluate", evaluate(app.supply.panel_camera, app.view, text))

    def _position(self, text: str) -> int:
        try:
            return int(self._app.recording.position(text.strip()))
        except PositionError:
            raise
        except UsageError:
            known = ";  ".join(names for names, _ in COMMANDS)
            raise UsageError(f"no command {plain(text)!r}: {known}") from None

    def _file(self, name: str) -> str:
        files = self._app.recording.files()
        found = [file for file in files if file == name or file.endswith(f"/{name}")]
        found = found or [file for file in files if name in file]
        if not found:
            raise UsageError(f"no recorded file {plain(name)!r}")
        return found[0]
