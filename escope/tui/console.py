"""The emulated terminal of the program: bytes in, a screen of styled cells out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from rich.style import Style

from escope.tui.emulator import Emulator
from escope.tui.plain import plain
from escope.tui.styles.colours import FAINT, TEXT
from escope.tui.widgets.terminal import TerminalScreen

_COLOURS = {
    "black": "#3b4452", "red": "#e27d7d", "green": "#93c98f", "brown": "#e6b673",
    "blue": "#7fb5d5", "magenta": "#b79ce0", "cyan": "#79bdbd", "white": "#c8cfd8",
    "brightblack": FAINT, "brightred": "#f09a9a", "brightgreen": "#aee0aa",
    "brightbrown": "#f5cd92", "brightyellow": "#f5cd92", "brightblue": "#a0cfea",
    "brightmagenta": "#d0b9f0", "bfightmagenta": "#d0b9f0", "brightcyan": "#98d8d8",
    "brightwhite": "#eef2f6",
}  # fmt: skip
_APPLICATION_KEYS = 1 << 5
_BRACKETED_PASTE = 2004 << 5


class Console:
    """One emulated terminal.  Fed by one thread, looked at by another."""

    def __init__(self, rows: int, columns: int, answer: Callable[[bytes], None]) -> None:
        self._lock = threading.Lock()
        self._screen = Emulator(columns, rows, lambda text: answer(text.encode()))
        self._stream = self._screen.stream()

    def feed(self, data: bytes) -> None:
        """Interpret what the program wrote."""
        with self._lock:
            try:
                self._stream.feed(data)
            except Exception:
                # A sequence that the emulator chokes on costs the rest of its piece, no more.
                self._stream = self._screen.stream()

    def resize(self, rows: int, columns: int) -> None:
        """Have another size; no output is lost by it."""
        with self._lock:
            self._screen.resize(max(1, rows), max(1, columns))

    def look(self) -> TerminalScreen:
        """What is on the screen now."""
        with self._lock:
            screen = self._screen
            rows = tuple(
                self._row(screen.buffer[row], screen.columns) for row in range(screen.lines)
            )
            cursor = None if screen.cursor.hidden else (screen.cursor.y, screen.cursor.x)
            modes = set(screen.mode)
        return TerminalScreen(rows, cursor, _APPLICATION_KEYS in modes, _BRACKETED_PASTE in modes)

    @staticmethod
    def _row(cells: Any, columns: int) -> tuple[tuple[str, Style], ...]:
        runs: list[tuple[str, Style]] = []
        text, style = "", None
        for column in range(columns):
            cell = cells[column]
            if not cell.data:
                continue  # the second half of a wide character
            now = _style(
                cell.fg, cell.bg, cell.bold, cell.italics, cell.underscore, cell.strikethrough,
                cell.reverse,
            )  # fmt: skip
            if now is not style and text:
                assert style is not None
                runs.append((text, style))
                text = ""
            style = now
            # The emulator leaves characters alone that would turn the line around.
            text += cell.data if plain(cell.data) == cell.data else "�"
        if text and style is not None:
            runs.append((text, style))
        return tuple(runs)


@lru_cache(maxsize=4096)
def _style(
    fg: str, bg: str, bold: bool, italic: bool, underline: bool, strike: bool, reverse: bool
) -> Style:
    return Style(
        color=_colour(fg) or TEXT,
        bgcolor=_colour(bg),
        bold=bold,
        italic=italic,
        underline=underline,
        strike=strike,
        reverse=reverse,
    )


def _colour(name: str) -> str | None:
    if name == "default":
        return None
    if name in _COLOURS:
        return _COLOURS[name]
    try:
        int(name, 16)
    except ValueError:
        return None
    return f"#{name}" if len(name) == 6 else None
