"""The question that `q` asks while the program runs."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from escope.tui.styles.colours import FOCUS, TEXT

ANSWERS = (
    ("s", "stop the program, then quit", "stop it"),
    ("l", "leave it running to its end, and quit", "let it run"),
    ("Esc", "stay here", "stay"),
)
"""Key, meaning, and the meaning in few words."""
ROOMY = (62, 9)
"""Columns and rows that the question needs in full."""


class LeaveScreen(ModalScreen[str]):
    """Dismissed with ``stop``, ``leave`` or ``stay``."""

    BINDINGS = [
        Binding("s", "answer('stop')", show=False),
        Binding("l", "answer('leave')", show=False),
        Binding("escape,q,enter", "answer('stay')", show=False),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="question") as box:
            box.border_title = "The program is still running"
            yield Static()

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        narrow = width < ROOMY[0] or height < ROOMY[1]
        self.set_class(narrow, "narrow")
        # Every key of the question is on the screen wherever the player says that q quits.
        flat = height <= len(ANSWERS)
        text = Text("" if flat or not narrow else "Still running:\n", style=TEXT)
        for key, meaning, brief in ANSWERS:
            text.append(f" {key}" if narrow else f"{key:>4}", style=f"bold {FOCUS}")
            text.append(f" {brief}" if narrow else f"  {meaning}", style=TEXT)
            text.append("" if flat else "\n")
        text.rstrip()
        self.query_one(Static).update(text)

    def action_answer(self, answer: str) -> None:
        """Give this answer."""
        self.dismiss(answer)
