"""What each action of the table of keys does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from escope.errors import EscopeError, PredicateError
from escope.tui import moves
from escope.tui.commands import Commands
from escope.tui.driving import Driving
from escope.tui.picture import Path
from escope.tui.plain import plain
from escope.tui.reader import Find
from escope.tui.screens.help import HelpScreen
from escope.tui.view import SPEEDS, Compare, Pane, Search
from escope.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from escope.tui.app import Cinema

_NONE = {
    "step_into": "later line in this thread",
    "step_over": "later line in this frame or its callers",
    "step_out": "caller to step out to",
    "back_into": "earlier line in this thread",
    "back_over": "earlier line in this frame or its caller",
    "back_out": "caller to go back to",
    "depth_next": "later line at this depth",
    "depth_back": "earlier line at this depth",
}
"""What a step looks for, for the message that there is none."""

PAN = 8


class Actions:
    """The verbs of the player, on one app."""

    def __init__(self, app: Cinema) -> None:
        self._app = app
        self.driving = Driving(app)
        self.commands = Commands(app, self)
        simple: dict[str, Callable[[], object]] = {
            "resume": lambda: self._resume(forward=True),
            "back_resume": lambda: self._resume(forward=False),
            "event_back": lambda: self._move("earlier event", moves.shift(app.recording, -1)),
            "event_next": lambda: self._move("later event", moves.shift(app.recording, 1)),
            "start": lambda: self.seek(0),
            "start_here": lambda: self.seek(0),
            "end": self._end,
            "end_here": self._end,
            "follow": self._follow,
            "run_to_cursor": lambda: self._to_cursor(forward=True),
            "back_to_cursor": lambda: self._to_cursor(forward=False),
            "jump_back": self._jump_back,
            "jump_forward": self._jump_forward,
            "search": lambda: self.prompt(
                "search", "/", "condition, or: call parse, raise, store x"
            ),
            "search_next": lambda: self._search_again(forward=True),
            "search_back": lambda: self._search_again(forward=False),
            "exception_back": lambda: self._to_mark("exception", forward=False),
            "exception_next": lambda: self._to_mark("exception", forward=True),
            "output_back": lambda: self._to_mark("output", forward=False),
            "output_next": lambda: self._to_mark("output", forward=True),
            "hit_back": lambda: self._to_stop(forward=False, edge=False),
            "hit_next": lambda: self._to_stop(forward=True, edge=False),
            "change_back": lambda: self._to_change(forward=False),
            "change_next": lambda: self._to_change(forward=True),
            "breakpoint": self._breakpoint,
            "predicate": lambda: self.prompt("predicate", "break when", "len(queue) > 3"),
            "evaluate": lambda: self.prompt("evaluate", "!", "an expression on what is seen here"),
            "play": self._play,
            "slower": lambda: self._faster(-1),
            "faster": lambda: self._faster(1),
            "frame_up": lambda: self._frame(1),
            "frame_down": lambda: self._frame(-1),
            "cursor_up": lambda: self._list(lambda pane: pane.move(-1)),
            "cursor_down": lambda: self._list(lambda pane: pane.move(1)),
            "page_up": lambda: self._list(lambda pane: pane.page(-1)),
            "page_down": lambda: self._list(lambda pane: pane.page(1)),
            "first": lambda: self._list(lambda pane: pane.go(0)),
            "last": lambda: self._list(lambda pane: pane.go(pane.row_count - 1)),
            "pick": self._pick,
            "pan_left": lambda: self._list(lambda pane: pane.pan(-PAN)),
            "pan_right": lambda: self._list(lambda pane: pane.pan(PAN)),
            "toggle": lambda: app.cinema.state.pick(),
            "open_row": lambda: app.cinema.state.open_row(),
            "close_row": lambda: app.cinema.state.close_row(),
            "compare": self._compare,
            "pane_next": lambda: self._pane_beside(1),
            "pane_previous": lambda: self._pane_beside(-1),
            "zoom": lambda: app.set_view(app.view.zoom(app.cinema.focused_pane)),
            "unzoom": lambda: app.set_view(app.view.zoom(None)),
            "leave_terminal": self._leave_terminal,
            "zoom_terminal": self._zoom_terminal,
            "interrupt": self.driving.interrupt,
            "command": lambda: self.prompt("command", ":", "50%  1234  exception  help"),
            "help": lambda: app.push_screen(HelpScreen(app.keymap)),
            "palette": app.action_command_palette,
            "cancel": self._cancel,
            "quit": self.driving.quit,
        }
        self._table = simple
        for action in moves.STEPS:
            self._table[action] = self._stepper(action)
        for pane in Pane:
            self._table[f"pane_{pane.value}"] = self._goer(pane)

    def do(self, action: str, letter: str = "") -> None:
        """Do `action`; `letter` is what followed its key, where it takes one."""
        if action == "mark":
            self._app.set_view(self._app.view.mark(letter))
            self._app.say(f"marked {letter}: '{letter} comes back, = compares with it")
        elif action == "to_mark":
            self._to_letter(letter)
        else:
            self._table[action]()

    @property
    def known(self) -> frozenset[str]:
        """Every action there is."""
        return frozenset(self._table) | {"mark", "to_mark"}

    # -- time -------------------------------------------------------------------------------------

    def seek(self, seq: int, jump: bool = True) -> None:
        """Go to a position."""
        self._move("", moves.to(lambda: seq), jump)

    def _move(self, title: str, find: Find, jump: bool = False) -> None:
        app = self._app
        if not app.view.events:
            app.say("nothing is recorded yet")
            return
        if app.view.playing or app.view.follow:
            app.set_view(app.view.play(False).following(False))
        app.reader.mover.move(title, find, jump)

    def _stepper(self, action: str) -> Callable[[], None]:
        def step() -> None:
            if not self.driving.step(action):
                self._move(_NONE[action], moves.step(self._app.recording, action))

        return step

    def _resume(self, forward: bool) -> None:
        if not (forward and self.driving.step("resume")):
            self._to_stop(forward, edge=True)

    def _to_stop(self, forward: bool, edge: bool) -> None:
        app = self._app
        word = "later" if forward else "earlier"
        what = "moment" if edge else "breakpoint or hit (b and B set them)"
        find = moves.to_stop(app.recording, app.view, forward, edge)
        self._move(f"{word} {what}", find, jump=True)

    def _to_mark(self, name: str, forward: bool) -> None:
        word = "later" if forward else "earlier"
        self._move(f"{word} {name}", moves.mark(self._app.recording, name, forward), jump=True)

    def _to_cursor(self, forward: bool) -> None:
        app = self._app
        file, line = app.projector.file, app.projector.line
        if file is None or line is None:
            app.say("the cursor is on no line")
            return
        word = "later" if forward else "earlier"
        find = moves.to_line(app.recording, file, line, forward)
        self._move(f"{word} moment at line {line}", find, jump=True)

    def _to_change(self, forward: bool) -> None:
        app = self._app
        path: Path = app.cinema.state.selected or ()
        frame = app.picture.shown_frame if app.picture is not None else None
        if len(path) < 2 or path[-1] == "…" or frame is None:
            app.say("select a variable in the state pane first (2)")
            return
        word = "later" if forward else "earlier"
        find = moves.change(app.recording, frame.id, path, forward)
        self._move(f"{word} change of {plain(''.join(path[1:]))}", find, jump=True)

    def _end(self) -> None:
        app = self._app
        if app.live is not None and app.live.running:
            self._follow()
            return
        self._move("", moves.to(lambda: app.recording.event_count - 1), jump=True)

    def _follow(self) -> None:
        app = self._app
        self._move("", moves.to(lambda: app.recording.event_count - 1), jump=True)
        app.set_view(app.view.following(True))

    def _play(self) -> None:
        app = self._app
        if not self.driving.toggle():
            app.set_view(app.view.following(False).play(not app.view.playing))

    def _faster(self, by: int) -> None:
        app = self._app
        app.set_view(app.view.faster(by))
        app.say(f"plays {SPEEDS[app.view.speed]} lines a second")

    def _jump_back(self) -> None:
        self._jump(self._app.view.jumped_back())

    def _jump_forward(self) -> None:
        self._jump(self._app.view.jumped_forward())

    def _jump(self, jumped: tuple[object, int] | None) -> None:
        from escope.tui.view import View

        if jumped is None:
            self._app.say("no further jump")
            return
        view, seq = jumped
        assert isinstance(view, View)
        self._app.set_view(view)
        self.seek(seq, jump=False)

    def _to_letter(self, letter: str) -> None:
        seq = self._app.view.marks.get(letter)
        if seq is None:
            self._app.say(f"no mark {letter}: m{letter} sets it")
        else:
            self.seek(seq)

    # -- finding ----------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Search forward for events or a condition; `.` and `,` repeat it."""
        app = self._app
        if not moves.is_event_search(text) and not self.check(text):
            return
        app.set_view(app.view.searching(Search(text)))
        self._search_again(forward=True)

    def _search_again(self, forward: bool) -> None:
        app = self._app
        search = app.view.search
        if search is None:
            app.say("nothing searched for yet: / searches")
            return
        word = "later" if forward else "earlier"
        event = moves.is_event_search(search.text)
        finder = moves.to_event if event else moves.to_condition
        title = f"{word} {search.text}" if event else f"{word} moment when {search.text}"
        self._move(title, finder(app.recording, search.text, forward), jump=True)

    def check(self, text: str) -> bool:
        """Whether `text` is a condition, or a place; says why not."""
        from escope.engine.predicate import parse_breakpoint

        try:
            parse_breakpoint(text)
        except PredicateError as error:
            self._app.say(str(error).replace("\n", "  "), "wrong")
            return False
        return True

    def break_when(self, text: str) -> None:
        """Set or clear a condition; in a recording go to where it next becomes true."""
        app = self._app
        if not self.check(text):
            return
        app.set_view(app.view.toggled_predicate(text))
        added = text in app.view.predicates
        if self.driving.send_predicates():
            app.say(f"{'breaks' if added else 'no longer breaks'} when {text}")
        if not added:
            app.say(f"no longer breaks when {text}")
        elif app.live is None or not app.live.running or not app.view.newest:
            find = moves.to_condition(app.recording, text, forward=True)
            self._move(f"later moment when {text}", find, jump=True)

    def _breakpoint(self) -> None:
        app = self._app
        file, line = app.projector.file, app.projector.line
        if file is None or line is None:
            app.say("the cursor is on no line")
            return
        self.break_at(file, line)

    def break_at(self, file: str, line: int) -> None:
        """Set a breakpoint, or clear the one that is there."""
        app = self._app
        app.set_view(app.view.toggled_breakpoint(file, line))
        self.driving.send_predicates()
        added = (file, line) in app.view.breakpoints
        place = f"{plain(file.rsplit('/', 1)[-1])}:{line}"
        app.say(f"breakpoint on {place}" if added else f"no breakpoint on {place} any more")

    # -- stack, lists, panes ----------------------------------------------------------------------

    def _frame(self, by: int) -> None:
        app = self._app
        thread = app.picture.shown_thread if app.picture is not None else None
        up = app.view.up + by
        if thread is None or not 0 <= up < len(thread.frames):
            app.say("no caller above this frame" if by > 0 else "this is the innermost frame")
            return
        app.set_view(app.view.on_frame(up))

    def _list(self, call: Callable[[Lines], None]) -> None:
        widget = self._app.cinema.focused
        if isinstance(widget, Lines) and widget.row_count:
            call(widget)

    def _pick(self) -> None:
        self._list(lambda pane: pane.pick())

    def _goer(self, pane: Pane) -> Callable[[], None]:
        return lambda: self._app.go(pane)

    def _pane_beside(self, by: int) -> None:
        app = self._app
        panes = app.cinema.panes
        if app.view.zoomed is None:
            panes = [pane for pane in panes if app.cinema.in_sight(pane, app.view)]
        current = app.cinema.focused_pane
        index = panes.index(current) if current in panes else 0
        app.go(panes[(index + by) % len(panes)])

    def _zoom_terminal(self) -> None:
        self._app.set_view(self._app.view.zoom(Pane.TERMINAL))
        self._app.go(Pane.TERMINAL)

    def _leave_terminal(self) -> None:
        self._app.set_view(self._app.view.zoom(None))
        self._app.go(self._app.view.stage)

    def _compare(self) -> None:
        app = self._app
        if app.view.drawer is Pane.DIFF:
            app.set_view(app.view.next_compare())
        else:
            if app.view.marked is not None:
                app.set_view(app.view.comparing(Compare.MARK))
            app.go(Pane.DIFF)

    def _cancel(self) -> None:
        app = self._app
        if app.reader.mover.cancel():
            return
        if app.view.playing:
            app.set_view(app.view.play(False))
        elif app.view.file is not None or app.view.cursor is not None:
            app.set_view(replace(app.view, file=None, cursor=None))
        elif app.view.zoomed is not None:
            app.set_view(app.view.zoom(None))

    # -- prompts ----------------------------------------------------------------------------------

    def prompt(self, purpose: str, label: str, placeholder: str) -> None:
        """Ask for a line of text."""
        self._app.cinema.bar.ask(purpose, label, placeholder=placeholder)

    def typed(self, purpose: str, text: str) -> None:
        """Do what was typed at a prompt."""
        try:
            if purpose == "search":
                self.search(text)
            elif purpose == "predicate":
                self.break_when(text)
            elif purpose == "evaluate":
                self.commands.evaluate(text)
            else:
                self.commands.run(text)
        except EscopeError as error:
            self._app.say(str(error), "wrong")
