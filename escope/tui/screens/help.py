"""The help screen, written from the table of keys."""

from __future__ import annotations

from rich.columns import Columns
from rich.console import Group as Stacked
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from escope.tui.keys import COMMANDS, Group, Keymap, shown
from escope.tui.styles.colours import FOCUS, MUTED, NOW, TEXT

SIGNS = (
    ("▶", "where the program is", "▷", "the line that called the shown frame's successor"),
    ("●", "a breakpoint", "▎", "this line ran"),
    ("→ ←", "a call, a return", "⇠ ⇢", "a yield, a resume"),
    ("✖ ✓ ↑", "an exception: raised, caught, leaving", "◆ •", "a hit, output"),
)

INTRODUCTION = (
    "Every key moves you through one recorded run. Small letters go forward in time, capitals go "
    "backward. What the last step changed is green; the present is amber."
)


class HelpScreen(ModalScreen[None]):
    """Shows every key; any of its own closes it."""

    BINDINGS = [
        Binding("escape,q,f1,question_mark,enter", "dismiss", "Close"),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(15)", show=False),
        Binding("pageup", "scroll(-15)", show=False),
    ]

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = "Help"
            box.border_subtitle = "↑↓ scroll · Esc closes"
            yield Static(self._page())

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one("#help", VerticalScroll).scroll_relative(y=by, animate=False)

    async def action_dismiss(self, result: None = None) -> None:
        self.dismiss(None)

    def _page(self) -> Stacked:
        groups = []
        for group in Group:
            keys = [key for key in self._keymap.keys if key.group is group]
            if not keys:
                continue
            table = Table.grid(padding=(0, 1))
            table.add_column(width=14, style=FOCUS)
            table.add_column(width=34, style=TEXT)
            table.add_row(Text(group.value, style=f"bold {NOW}"), "")
            for key in keys:
                table.add_row(Text("  ".join(shown(one) for one in key.keys)), Text(key.title))
            table.add_row("", "")
            groups.append(table)
        typed = Table.grid(padding=(0, 1))
        typed.add_row(Text("Typed after :", style=f"bold {NOW}"))
        for words, meaning in COMMANDS:
            typed.add_row(Text(words, style=FOCUS), Text(meaning, style=TEXT))
        typed.add_row("", "")
        signs = Table.grid(padding=(0, 1))
        signs.add_row(Text("Signs", style=f"bold {NOW}"))
        for row in SIGNS:
            for sign, meaning in zip(row[::2], row[1::2], strict=True):
                signs.add_row(Text(sign, style=FOCUS), Text(meaning, style=MUTED))
        return Stacked(
            Text(INTRODUCTION, style=MUTED), Text(""), Columns(groups, padding=(0, 2)), typed, signs
        )
