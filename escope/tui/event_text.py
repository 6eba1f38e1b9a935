"""One line of text about an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from escope.events import MESSAGE_KINDS, TASK_KINDS
from escope.tui.message_text import message_text, task_text
from escope.tui.picture import EventLine
from escope.tui.plain import cut, plain, plain_line, uncoloured

if TYPE_CHECKING:
    from escope.engine.replay.event import Event
    from escope.engine.replay.value import Value

WIDTH = 100
"""Characters that the text about one event takes at most."""


def short_name(name: str) -> str:
    """A qualified name without the functions around it: ``A.read`` of ``f.<locals>.A.read``."""
    return name.split("<locals>.")[-1]


def place_of(file: str | None, line: int | None) -> str:
    """``scan.py:12``; empty where there is none."""
    if file is None:
        return ""
    return plain(f"{file.rsplit('/', 1)[-1]}:{line}" if line else file.rsplit("/", 1)[-1])


def event_line(event: Event, lines: Sequence[str]) -> EventLine:
    """The line of the event list about `event`; `lines` are those of its source file."""
    text = cut(_text(event, lines), WIDTH)
    return EventLine(event.seq, event.kind, event.depth, text, place_of(event.file, event.line))


def exception_text(value: Value | None) -> str:
    """An exception as Python words it, ``KeyError: 'x'``, from what was recorded of it."""
    if value is None:
        return ""
    name = plain(value.type_name.rpartition(".")[2])
    arguments = value.attribute("args")
    if arguments is None or arguments.child_count > 1:
        return _brief(value, 80)
    for child in arguments.children(0, 1):
        text = child.value.scalar if child.value.is_scalar and not child.value.label else None
        if isinstance(text, str) and name != "KeyError":
            return f"{name}: {plain(text)}"
        return f"{name}: {_brief(child.value, 80)}"
    return name


def _brief(value: Value | None, width: int = 60) -> str:
    return "" if value is None else plain(value.summary(width))


def _written(value: Value | None) -> str:
    """What was written, up to the first line's end."""
    data = value.scalar if value is not None and value.is_scalar else b""
    text = data[: 4 * WIDTH].decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
    return plain(uncoloured(text)[:WIDTH].removesuffix("\n"))


def _owner(value: Value | None) -> str:
    return "?" if value is None else plain(value.type_name.rpartition(".")[2])


def _text(event: Event, lines: Sequence[str]) -> str:
    kind = event.kind
    function = plain(short_name(event.function or "?"))
    if kind == "line":
        return _source(event, lines) or function
    if kind == "call":
        given = ", ".join(
            f"{plain(name)}={_brief(value, 30)}" for name, value in event.arguments.items()
        )
        return f"{function}({given})"
    if kind in ("return", "yield", "resume"):
        value = _brief(event.value)
        word = {"return": "", "yield": "yield ", "resume": "resume "}[kind]
        return f"{word}{function}  {value}"
    if kind in ("raise", "handle", "unwind"):
        word = {"raise": "raise", "handle": "caught", "unwind": f"leaves {function}"}[kind]
        return f"{word}  {exception_text(event.value)}"
    if event.kind_id in MESSAGE_KINDS:
        return message_text(event, _brief)
    if event.kind_id in TASK_KINDS:
        return task_text(event, _brief)
    name = event.name
    shown = plain(name) if isinstance(name, str) else _brief(name, 30)
    if kind == "store":
        return f"{shown} = {_brief(event.value)}"
    if kind == "delete":
        return f"del {shown}"
    if kind == "setattr":
        return f"{_owner(event.target)}.{shown} = {_brief(event.value)}"
    if kind == "delattr":
        return f"del {_owner(event.target)}.{shown}"
    if kind == "setitem":
        return f"{_owner(event.target)}[{shown}] = {_brief(event.value)}"
    if kind == "delitem":
        return f"del {_owner(event.target)}[{shown}]"
    if kind == "mutate":
        return f"{_owner(event.target)}.{shown}  now {_brief(event.target)}"
    if kind == "output":
        return f"{shown}  {_written(event.value)}"
    if kind == "fork":
        return f"{shown}  process {_brief(event.value)}"
    if kind == "hit":
        return f"hit  {shown}"
    return f"{kind}  {shown}"


def _source(event: Event, lines: Sequence[str]) -> str:
    line = event.line
    if line is None or not 0 < line <= len(lines):
        return ""
    return plain_line(lines[line - 1].strip())
