"""The command line: positions, and the few things that have no key of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from escope.errors import PositionError, UsageError
from escope.tui.evaluation import evaluate
from escope.tui.plain import cut, plain
from escope.tui.view import Pane

if TYPE_CHECKING:
    from escope.tui.actions import Actions
    from escope.tui.app import Cinema


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
            app.set_view(app.view.with_cursor(self._line(self._shown_file(), int(rest))))
        elif word == "file" and rest:
            app.set_view(replace(app.view, file=self._file(rest), cursor=1))
        elif word in ("break", "b") and rest:
            name, _, line = rest.rpartition(":")
            if not line.isdigit():
                raise UsageError(f"break takes NAME:LINE, not {plain(rest)!r}")
            file = self._file(name) if name else self._shown_file()
            actions.break_at(file, self._line(file, int(line)))
        elif word == "when" and rest:
            actions.break_when(rest)
        elif word == "find" and rest:
            actions.search(rest)
        elif word == "diff" and rest:
            app.set_view(app.view.comparing_with(self._position(rest)))
            app.go(Pane.DIFF)
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
            shown = cut(plain(text), 30)
            raise UsageError(f"no command {shown!r}: F1 lists them all") from None

    def _shown_file(self) -> str:
        file = self._app.projector.file
        if file is None:
            raise UsageError("no source file is shown")
        return file

    def _line(self, file: str, line: int) -> int:
        """`line`.  Raises UsageError where `file` has no such line."""
        lines = self._app.recording.source_lines(file)
        count = len(lines) - (lines[-1:] == [""])
        # Of a file whose source is not kept any line may exist.
        if not 0 < line <= (count or line):
            name = plain(file.rsplit("/", 1)[-1])
            raise UsageError(f"{name} has no line {line:,}: its last is {count:,}")
        return line

    def _file(self, name: str) -> str:
        files = self._app.recording.files()
        found = [file for file in files if file == name or file.endswith(f"/{name}")]
        found = found or [file for file in files if name in file]
        if not found:
            raise UsageError(f"no recorded file {plain(name)!r}")
        return found[0]
