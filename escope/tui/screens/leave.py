"""The question that `q` asks while the program runs."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from escope.tui.styles.colours import FOCUS, TEXT

ANSWERS = (
    ("s", "stop", "stop the program, then quit"),
    ("l", "leave", "leave it running to its end, and quit"),
    ("Esc", "stay", "stay here"),
)


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
            text = Text()
            for key, _, meaning in ANSWERS:
                text.append(f"{key:>4}", style=f"bold {FOCUS}")
                text.append(f"  {meaning}\n", style=TEXT)
            text.rstrip()
            yield Static(text)

    def action_answer(self, answer: str) -> None:
        """Give this answer."""
        self.dismiss(answer)
