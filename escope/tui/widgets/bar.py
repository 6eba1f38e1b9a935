"""The bottom line: the keys that help here, a message, or what is being typed."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from escope.tui.plain import cut, plain
from escope.tui.styles.colours import FOCUS, HIT, MUTED, NOW, TEXT, WRONG

KEPT = 100
"""Lines remembered for each prompt."""


class PromptInput(Input):
    """The line of text; Up and Down go through what was typed before, Escape gives up."""

    @dataclass
    class Abandoned(Message):
        """The person gave up."""

    @dataclass
    class Recalled(Message):
        """The person wants an older (-1) or newer (1) line."""

        by: int

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.post_message(self.Abandoned())
        elif event.key in ("up", "down"):
            event.stop()
            self.post_message(self.Recalled(-1 if event.key == "up" else 1))
        elif event.key == "backspace" and not self.value:
            event.stop()
            self.post_message(self.Abandoned())


class Bar(Horizontal):
    """One line; the prompt takes it over while something is typed."""

    @dataclass
    class Typed(Message):
        """A line was entered at the prompt called `purpose`."""

        purpose: str
        text: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.purpose = ""
        self._before: Widget | None = None
        self._history: dict[str, list[str]] = {}
        self._recalled = 0
        self._hints: tuple[tuple[str, str, str], ...] = ()
        self._message: tuple[str, str] | None = None
        self._pending: tuple[str, tuple[tuple[str, str], ...]] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="hints", markup=False)
        yield Static(id="prompt-label", markup=False)
        yield PromptInput(id="prompt", compact=True, select_on_focus=False)

    def hints(self, hints: tuple[tuple[str, str, str], ...]) -> None:
        """Show these keys with their words and actions, while there is nothing else to say."""
        if hints != self._hints:
            self._hints = hints
            self._render_hints()

    def say(self, text: str, level: str = "info") -> None:
        """Show a message until the next one or `quiet`; level: info, busy, wrong."""
        self._message = (plain(text), level)
        self._render_hints()

    def quiet(self) -> None:
        """Take the message away."""
        if self._message is not None:
            self._message = None
            self._render_hints()

    @property
    def message(self) -> str:
        """The message that is shown; empty: none."""
        return self._message[0] if self._message is not None else ""

    def pending(self, typed: str, continues: tuple[tuple[str, str], ...]) -> None:
        """Show the beginning of a sequence and what may follow; an empty one: none is typed."""
        self._pending = (typed, continues) if typed else None
        self._render_hints()

    def ask(self, purpose: str, label: str, text: str = "", placeholder: str = "") -> None:
        """Open the prompt; `Typed` follows, unless the person gives up."""
        if not self.purpose:
            self._before = self.screen.focused
        self.purpose = purpose
        self.quiet()
        self._open(True)
        self.query_one("#prompt-label", Static).update(Text(f" {label} ", style=f"bold {NOW}"))
        prompt = self.query_one(PromptInput)
        prompt.value = text
        prompt.placeholder = placeholder
        prompt.cursor_position = len(text)
        self._recalled = len(self._history.get(purpose, ()))
        # At once: the next key is for the prompt already.
        self.screen.set_focus(prompt)

    def close(self) -> None:
        """Close the prompt; the focus goes back to where it was, at once: the next key is for there."""
        self._open(False)
        self.purpose = ""
        self.screen.set_focus(self._before, scroll_visible=False)

    def _open(self, opened: bool) -> None:
        self.query_one("#hints").display = not opened
        self.query_one("#prompt-label").display = opened
        self.query_one(PromptInput).display = opened

    def on_mount(self) -> None:
        self._open(False)
        self._render_hints()

    def on_resize(self) -> None:
        self._render_hints()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        purpose, text = self.purpose, event.value.strip()
        self.close()
        if text:
            history = self._history.setdefault(purpose, [])
            if not history or history[-1] != text:
                history.append(text)
                del history[:-KEPT]
            self.post_message(self.Typed(purpose, text))

    def on_prompt_input_abandoned(self, event: PromptInput.Abandoned) -> None:
        event.stop()
        self.close()

    def on_prompt_input_recalled(self, event: PromptInput.Recalled) -> None:
        event.stop()
        history = self._history.get(self.purpose, [])
        self._recalled = max(0, min(self._recalled + event.by, len(history)))
        prompt = self.query_one(PromptInput)
        prompt.value = history[self._recalled] if self._recalled < len(history) else ""
        prompt.cursor_position = len(prompt.value)

    def _render_hints(self) -> None:
        if not self.is_mounted:
            return
        width = self.size.width or 80
        # While the screen is taken down a last message may find nothing to be written on.
        for hints in self.query("#hints").results(Static):
            hints.update(self._line(width))

    def _line(self, width: int) -> Text:
        line = Text(no_wrap=True, overflow="ellipsis", end="")
        if self._pending is not None:
            typed, continues = self._pending
            line.append(f" {typed} ", style=f"bold {NOW}")
            for keys, title in continues:
                line.append(f" {keys}", style=FOCUS)
                line.append(f" {title} ", style=MUTED)
            line.truncate(width, overflow="ellipsis")
            return line
        if self._message is not None:
            text, level = self._message
            colour = {"info": TEXT, "busy": HIT, "wrong": WRONG}[level]
            sign = {"info": "·", "busy": "…", "wrong": "✖"}[level]
            line.append(f" {sign} ", style=colour)
            line.append(cut(text, max(10, width - 4)), style=colour)
            return line
        # Help and quit, the last two, stay whatever is dropped.
        sizes = [len(keys) + len(word) + 3 for keys, word, _ in self._hints]
        reserved = sum(sizes[-2:])
        for index, (keys, word, action) in enumerate(self._hints):
            last = index >= len(self._hints) - 2
            if not last and line.cell_len + sizes[index] + reserved > width:
                continue
            line.append(f" {keys}", style=FOCUS)
            line.append(f" {word} ", style=Style.from_meta({"@click": f"app.act('{action}')"}))
        return line
