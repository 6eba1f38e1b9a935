"""The one table of keys: it drives the bindings, the hints, the help screen and the palette."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from escope.tui.view import Pane

LETTER = "…"
"""In a sequence: any letter or digit, handed to the action."""

TIME = frozenset({Pane.SOURCE, Pane.TIMELINE, Pane.FLOW})
"""Panes where arrows, Space, Home and End move in time."""
LISTS = frozenset({Pane.STATE, Pane.STACK, Pane.EVENTS, Pane.OUTPUT, Pane.DIFF})
"""Panes where they move in the list."""
LINES = LISTS | {Pane.SOURCE, Pane.FLOW}


class Group(Enum):
    """Headings of the help screen, in order."""

    FORWARD = "Forward"
    BACKWARD = "Backward"
    SEEK = "Seek"
    FIND = "Find"
    PLAY = "Play"
    STACK = "Stack and source"
    LISTS = "Lists and trees"
    PANES = "Panes"
    PROGRAM = "The running program"
    MORE = "More"


@dataclass(frozen=True, slots=True)
class Key:
    """One action and the keys that call it."""

    action: str
    """Name of the action; the app has a method `do_<action>`."""
    keys: tuple[str, ...]
    """Each a sequence of key names, separated by blanks."""
    title: str
    group: Group
    where: frozenset[Pane] | None = None
    """The panes whose focus it needs; None: everywhere."""
    hint: str = ""
    """Its word in the line of hints; empty: not there."""
    live: bool = False
    """Only while debugging a program."""


def _table() -> tuple[Key, ...]:
    forward, backward, seek = Group.FORWARD, Group.BACKWARD, Group.SEEK
    return (
        Key("step_into", ("s", "f11"), "Step into", forward, hint="into"),
        Key("step_over", ("n", "f10"), "Step over", forward, hint="over"),
        Key("step_out", ("f", "shift+f11"), "Step out", forward, hint="out"),
        Key(
            "resume", ("c", "f5"), "Continue to the next breakpoint", forward,
            hint="continue",
        ),
        Key("back_into", ("S",), "Step back into", backward, hint="back"),
        Key("back_over", ("N", "shift+f10"), "Step back over", backward),
        Key("back_out", ("F",), "Step back out, to the call", backward),
        Key("back_resume", ("C", "shift+f5"), "Continue backward", backward),
        Key("event_back", ("left",), "One event back", seek, where=TIME),
        Key("event_next", ("right",), "One event forward", seek, where=TIME),
        Key("depth_back", ("shift+left",), "Previous line, same depth", seek, where=TIME),
        Key("depth_next", ("shift+right",), "Next line, same depth", seek, where=TIME),
        Key("start", ("g g",), "The start", seek),
        Key("start_here", ("home",), "The start", seek, where=TIME),
        Key("end", ("G",), "The end, the newest moment", seek),
        Key("end_here", ("end",), "The end, the newest moment", seek, where=TIME),
        Key("run_to_cursor", ("t",), "Run to the cursor line", seek),
        Key("back_to_cursor", ("T",), "Run backward to the cursor line", seek),
        Key("jump_back", ("ctrl+o", "alt+left"), "Back to where I was", seek),
        Key("jump_forward", ("alt+right",), "Forward again", seek),
        Key("mark", (f"m {LETTER}",), "Mark this moment with a letter", seek),
        Key("to_mark", (f"' {LETTER}",), "Go to a marked moment", seek),
        Key("search", ("/",), "Search events or a condition", Group.FIND, hint="search"),
        Key("search_next", (".",), "Next search hit", Group.FIND),
        Key("search_back", (",",), "Previous search hit", Group.FIND),
        Key("exception_back", ("[ e",), "Previous exception", Group.FIND),
        Key("exception_next", ("] e",), "Next exception", Group.FIND),
        Key("change_back", ("[ c",), "Previous change of the variable", Group.FIND),
        Key("change_next", ("] c",), "Next change of the variable", Group.FIND),
        Key("output_back", ("[ o",), "Previous output", Group.FIND),
        Key("output_next", ("] o",), "Next output", Group.FIND),
        Key("hit_back", ("[ b",), "Previous breakpoint or hit", Group.FIND),
        Key("hit_next", ("] b",), "Next breakpoint or hit", Group.FIND),
        Key("breakpoint", ("b", "f9"), "Breakpoint on the cursor line", Group.FIND),
        Key("predicate", ("B",), "Break when a condition holds", Group.FIND),
        Key("evaluate", ("!",), "Evaluate an expression here", Group.FIND),
        Key("play", ("space",), "Play or pause", Group.PLAY, where=TIME, hint="play"),
        Key("slower", ("<",), "Slower", Group.PLAY),
        Key("faster", (">",), "Faster", Group.PLAY),
        Key("frame_up", ("u",), "Up the stack, to the caller", Group.STACK),
        Key("frame_down", ("d",), "Down the stack", Group.STACK),
        Key("cursor_up", ("up", "k"), "Up a line", Group.LISTS, where=LINES),
        Key("cursor_down", ("down", "j"), "Down a line", Group.LISTS, where=LINES),
        Key("page_up", ("pageup",), "Up a page", Group.LISTS, where=LINES),
        Key("page_down", ("pagedown",), "Down a page", Group.LISTS, where=LINES),
        Key("first", ("home",), "The first row", Group.LISTS, where=LISTS),
        Key("last", ("end",), "The last row", Group.LISTS, where=LISTS),
        Key("pick", ("enter",), "Open, close, or go there", Group.LISTS, where=LINES),
        Key(
            "toggle", ("space",), "Open or close the row", Group.LISTS,
            where=frozenset({Pane.STATE}), hint="open",
        ),
        Key("open_row", ("right",), "Open the row", Group.LISTS, where=frozenset({Pane.STATE})),
        Key(
            "close_row", ("left",), "Close the row, or go to its parent", Group.LISTS,
            where=frozenset({Pane.STATE}),
        ),
        Key("pan_left", ("left",), "Scroll left", Group.LISTS, where=LISTS - {Pane.STATE}),
        Key("pan_right", ("right",), "Scroll right", Group.LISTS, where=LISTS - {Pane.STATE}),
        Key("compare", ("=",), "Compare with: last step, mark, previous time here", Group.MORE),
        *(
            Key(f"pane_{pane.value}", (str(pane.number),), pane.title, Group.PANES)
            for pane in Pane
            if pane is not Pane.TERMINAL
        ),
        Key("pane_terminal", ("9",), "The program's terminal", Group.PANES, live=True),
        Key("pane_next", ("tab",), "Next pane", Group.PANES, hint="pane"),
        Key("pane_previous", ("shift+tab",), "Previous pane", Group.PANES),
        Key("zoom", ("+",), "Zoom the pane", Group.PANES, hint="zoom"),
        Key("unzoom", ("-",), "All panes", Group.PANES),
        Key(
            "leave_terminal", ("ctrl+]",), "Leave the program's terminal", Group.PROGRAM,
            where=frozenset({Pane.TERMINAL}), live=True, hint="leave the terminal",
        ),
        Key("zoom_terminal", ("g t",), "The program's terminal, zoomed", Group.PROGRAM, live=True),
        Key("follow", ("g n",), "Follow the newest moment", Group.PROGRAM, live=True),
        Key("interrupt", ("ctrl+c",), "Interrupt the program", Group.PROGRAM, live=True),
        Key("command", (":",), "Command line", Group.MORE, hint="command"),
        Key("help", ("f1", "?"), "Help", Group.MORE, hint="help"),
        Key("palette", ("ctrl+p",), "Palette of all actions", Group.MORE),
        Key("cancel", ("escape",), "Cancel what is going on", Group.MORE),
        Key("quit", ("q",), "Quit", Group.MORE, hint="quit"),
    )  # fmt: skip


TABLE = _table()

COMMANDS = (
    ("N, start, end, N%, exception", "go there"),
    ("line N", "put the cursor on a line"),
    ("file NAME", "show another source file"),
    ("break NAME:N", "set or clear a breakpoint"),
    ("when EXPRESSION", "set or clear a condition"),
    ("find EXPRESSION", "search"),
    ("diff N", "compare this moment with position N"),
    ("help, q", "this page; quit"),
)
"""What can be typed after `:`, and what it does."""

_NAMES = {
    "left": "←", "right": "→", "up": "↑", "down": "↓", "space": "Space", "escape": "Esc",
    "enter": "Enter", "tab": "Tab", "home": "Home", "end": "End", "pageup": "PgUp",
    "pagedown": "PgDn",
}  # fmt: skip


def shown(sequence: str) -> str:
    """The sequence as people write it: ``Shift+←``, ``gg``, ``[e``, ``m+letter``."""
    parts = []
    for name in sequence.split(" "):
        if name == LETTER:
            parts.append("+letter")
            continue
        pieces = name.split("+") if len(name) > 1 else [name]
        words = [word.capitalize() for word in pieces[:-1]]
        last = pieces[-1]
        if last in _NAMES:
            last = _NAMES[last]
        elif len(last) > 1:
            last = last.upper()
        parts.append("+".join([*words, last]))
    return "".join(parts)


def token(key: str, character: str | None) -> str:
    """The name in this table of a key event with Textual's `key` and `character`."""
    if key == "ctrl+right_square_bracket":
        return "ctrl+]"
    if character is not None and len(character) == 1 and character.isprintable():
        return "space" if character == " " else character
    return key


@dataclass(frozen=True, slots=True)
class Match:
    """What a key means: an action with its letter, or the beginning of longer sequences."""

    key: Key | None = None
    letter: str = ""
    continues: tuple[tuple[str, Key], ...] = ()
    """Next key name and what it would do."""


class Keymap:
    """Looks sequences of keys up, for recordings or for a live program."""

    def __init__(self, live: bool) -> None:
        self.keys = tuple(key for key in TABLE if live or not key.live)

    def match(self, typed: tuple[str, ...], pane: Pane | None) -> Match:
        """What `typed` means with the focus on `pane`; an empty match: nothing."""
        continues = []
        best = Match()
        for key, sequence in self._sequences(pane):
            letter = self._fits(sequence[: len(typed)], typed)
            if letter is None:
                continue
            if len(sequence) > len(typed):
                continues.append((sequence[len(typed)], key))
            elif len(sequence) == len(typed) and (best.key is None or key.where is not None):
                best = Match(key, letter)
        return best if best.key is not None else Match(continues=tuple(continues))

    def reachable(self, pane: Pane | None) -> list[Key]:
        """The actions that some key calls while `pane` has the focus."""
        return [key for key in self.keys if key.where is None or pane in key.where]

    def hints(self, pane: Pane | None, typing: bool = False) -> list[tuple[str, Key]]:
        """First keys and actions for the line of hints; `typing`: the program gets all the others."""
        if typing:
            return [(shown(k.keys[0]), k) for k in self.keys if k.action == "leave_terminal"]
        return [(shown(key.keys[0]), key) for key in self.reachable(pane) if key.hint]

    def _sequences(self, pane: Pane | None) -> Iterator[tuple[Key, tuple[str, ...]]]:
        for key in self.reachable(pane):
            for sequence in key.keys:
                yield key, tuple(sequence.split(" "))

    @staticmethod
    def _fits(pattern: tuple[str, ...], typed: tuple[str, ...]) -> str | None:
        if len(pattern) < len(typed):
            return None
        letter = ""
        for expected, got in zip(pattern, typed, strict=False):
            if expected == LETTER and len(got) == 1 and got.isalnum():
                letter = got
            elif expected != got:
                return None
        return letter
