"""The program's terminal: shows its screen and turns keys into what a terminal sends."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from escope.tui.styles.colours import FAINT, GROUND, ink
from escope.tui.widgets.lines import on_ground

_KEYS = {
    "enter": "\r", "tab": "\t", "shift+tab": "\x1b[Z", "backspace": "\x7f", "escape": "\x1b",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
    "home": "\x1b[H", "end": "\x1b[F", "insert": "\x1b[2~", "delete": "\x1b[3~",
    "pageup": "\x1b[5~", "pagedown": "\x1b[6~", "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR",
    "f4": "\x1bOS", "f5": "\x1b[15~", "f6": "\x1b[17~", "f7": "\x1b[18~", "f8": "\x1b[19~",
    "f9": "\x1b[20~", "f10": "\x1b[21~", "f11": "\x1b[23~", "f12": "\x1b[24~",
    "ctrl+up": "\x1b[1;5A", "ctrl+down": "\x1b[1;5B", "ctrl+right": "\x1b[1;5C",
    "ctrl+left": "\x1b[1;5D", "ctrl+space": "\x00", "ctrl+@": "\x00", "ctrl+backslash": "\x1c",
    "ctrl+circumflex_accent": "\x1e", "ctrl+underscore": "\x1f",
}  # fmt: skip
_CURSOR_KEYS = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}


def sent(key: str, character: str | None, application: bool = False) -> str:
    """What a terminal sends for a key; empty where it sends nothing.

    `application`: the program asked for application cursor keys.
    """
    if application and key in _CURSOR_KEYS:
        return "\x1bO" + _CURSOR_KEYS[key]
    if key in _KEYS:
        return _KEYS[key]
    if key.startswith("ctrl+") and len(key) == 6 and "a" <= key[5] <= "z":
        return chr(ord(key[5]) - ord("a") + 1)
    if key.startswith("alt+") and (rest := key[4:]) and len(rest) == 1:
        return "\x1b" + rest
    return character or ""


@dataclass(frozen=True, slots=True)
class TerminalScreen:
    """What is on the program's screen: per row, runs of text with their style."""

    rows: tuple[tuple[tuple[str, Style], ...], ...] = ()
    cursor: tuple[int, int] | None = None
    """Row and column; None: hidden."""
    application_keys: bool = False
    bracketed_paste: bool = False


class Terminal(Widget, can_focus=True):
    """Shows a `TerminalScreen`."""

    @dataclass
    class Typed(Message):
        """Bytes for the program."""

        data: bytes

    @dataclass
    class Sized(Message):
        """The pane has this size."""

        rows: int
        columns: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.screen_shown = TerminalScreen()
        self.alive = True

    def show(self, screen: TerminalScreen) -> None:
        """Show this screen."""
        self.screen_shown = screen
        self.refresh()

    def ended(self) -> None:
        """The program is gone: typing has no effect any more."""
        self.alive = False
        self.add_class("ended")
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        size = self.content_size
        if size.width > 0 and size.height > 0:
            self.post_message(self.Sized(size.height, size.width))

    def type_key(self, event: events.Key) -> None:
        """Send what a key means to the program."""
        text = sent(event.key, event.character, self.screen_shown.application_keys)
        if text:
            self.post_message(self.Typed(text.encode("utf-8", "replace")))

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if not self.alive:
            return
        text = event.text.replace("\r\n", "\r").replace("\n", "\r")
        if self.screen_shown.bracketed_paste:
            text = f"\x1b[200~{text}\x1b[201~"
        self.post_message(self.Typed(text.encode("utf-8", "replace")))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        rows = self.screen_shown.rows
        if y >= len(rows):
            return Strip.blank(width, Style(bgcolor=GROUND))
        segments = [Segment(text, style) for text, style in rows[y]]
        strip = Strip(segments).adjust_cell_length(width)
        cursor = self.screen_shown.cursor
        if cursor is not None and cursor[0] == y and self.alive and cursor[1] < width:
            column = cursor[1]
            under = strip.crop(column, column + 1)
            block = Style(reverse=True) if self.has_focus else ink(FAINT, weight="underline")
            marked = Strip([Segment(s.text, (s.style or Style()) + block) for s in under])
            strip = Strip.join([strip.crop(0, column), marked, strip.crop(column + 1, width)])
        return on_ground(strip, GROUND, width)
