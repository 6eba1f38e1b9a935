"""What passes between threads and tasks, in words: messages, locks, tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from escope.tui.plain import plain

if TYPE_CHECKING:
    from escope.engine.replay.event import Event
    from escope.engine.replay.value import Value

Show = Callable[["Value"], str]
"""How a value is written."""

_ANSWERED = {
    "send": "received at",
    "receive": "sent at",
    "acquire": "released at",
    "release": "acquired at",
}
_SHOWN = 3
"""Partners that are listed."""


def message_text(event: Event, show: Show) -> str:
    """``Queue.put('x')  #3, received at 41`` and the like, of a send, receive, acquire or release."""
    owner = "?" if event.target is None else plain(event.target.type_name.rpartition(".")[2])
    value = "" if event.value is None else show(event.value)
    sends = event.kind == "send"
    done = f"{owner}.{event.name}({value})" if sends else f"{owner}.{event.name}()"
    if value and not sends:
        done += f" -> {value}"
    if event.message is None:
        return f"{done}  sent unseen" if event.kind == "receive" else done
    partners = event.partners
    text = f"{done}  #{event.message}"
    if partners:
        more = ", …" if len(partners) > _SHOWN else ""
        text += f", {_ANSWERED[event.kind]} {', '.join(map(str, partners[:_SHOWN]))}{more}"
    return text


def task_text(event: Event, show: Show) -> str:
    """``task 2 Task-2 of worker`` and the like, of an event of a task."""
    name = event.name
    task = (
        f"task {event.subject} {plain(name)}" if isinstance(name, str) else f"task {event.subject}"
    )
    value = event.value
    if event.kind == "task-create" and value is not None:
        return f"{task} of {plain(str(value.scalar))}"
    if event.kind == "task-await" and value is not None:
        return f"{task} gives way" if value.is_scalar else f"{task} waits for {show(value)}"
    if event.kind == "task-done":
        return f"{task} {event.outcome}" + (f" {show(value)}" if value is not None else "")
    return task
