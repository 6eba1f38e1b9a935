"""`escope dump`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from escope.cli.reading import (
    FILE,
    JSON,
    WIDTH,
    opened,
    place,
    position_text,
    seconds,
    span,
    write,
    write_json,
)
from escope.cli.valuetext import value_text
from escope.errors import UsageError
from escope.events import KIND_BY_LABEL, MESSAGE_KINDS, TASK_KINDS, Kind
from escope.tui.message_text import message_text, task_text
from escope.tui.plain import cut, plain

if TYPE_CHECKING:
    from escope.engine.replay.event import Event
    from escope.engine.replay.recording import Recording


@click.command("dump")
@FILE
@JSON
@click.option(
    "--kind", "kinds", metavar="K[,K…]", multiple=True, help="Events of these kinds only."
)
@click.option(
    "--process",
    type=click.IntRange(min=0),
    metavar="N",
    help="The process (see info; default: all).",
)
@click.option("--from", "start", metavar="SEQ", default="start", help="The first event.")
@click.option("--to", "stop", metavar="SEQ", default="end", help="The last event.")
@click.option(
    "--items",
    type=click.IntRange(min=0),
    metavar="N",
    default=20,
    show_default=True,
    help="Items of one container, with --json.",
)
def command(
    file: str,
    as_json: bool,
    kinds: tuple[str, ...],
    process: int | None,
    start: str,
    stop: str,
    items: int,
) -> None:
    """Write the events of a recording, one a line.

    Those of every process, one process after the other; with a position or --process, of that process.
    """
    chosen = _kinds(kinds)
    with opened(file) as recording:
        for part, first, last in _parts(recording, process, start, stop):
            # Bounded: every event on a container shows it, so whole ones make a growing list quadratic.
            for event in part.events(first, last + 1, chosen):
                if as_json:
                    write_json(event.to_json(items=items))
                else:
                    write(_line(event))


def _parts(
    recording: Recording, process: int | None, start: str, stop: str
) -> Iterator[tuple[Recording, int, int]]:
    """The processes to be written, with their first and last event."""
    if (start, stop) != ("start", "end"):
        part, (first, last) = span(recording, process, start, stop)
        yield part, first, last
        return
    wanted = [one.number for one in recording.processes] if process is None else [process]
    for number in wanted:
        part = recording.process(number)
        if part.event_count:
            yield part, 0, part.event_count - 1


def _kinds(texts: tuple[str, ...]) -> set[Kind] | None:
    labels = [label.strip() for text in texts for label in text.split(",") if label.strip()]
    for label in labels:
        if label not in KIND_BY_LABEL:
            known = ", ".join(KIND_BY_LABEL)
            raise UsageError(f"there is no kind of event called {label!r}; there are {known}")
    return {KIND_BY_LABEL[label] for label in labels} if labels else None


def _line(event: Event) -> str:
    where = place(event.file, event.line, event.function)
    who = f"T{event.thread}" if event.task is None else f"T{event.thread}/{event.task}"
    text = (
        f"{position_text(event.process, event.seq):>8}  {seconds(event.time_ns)}  {who}  "
        f"{'  ' * min(event.depth, 12)}{event.kind:<8} {where}"
    )
    what = _what(event)
    return f"{text}  {what}" if what else text


def _what(event: Event) -> str:
    name = event.name
    shown = plain(name or "") if isinstance(name, str | None) else value_text(name, 40)
    target = event.target
    if event.kind == "mutate" and target is not None:
        # These two are no operations that somebody named.
        by = "" if name in ("unseen", "item") else f" by {shown}"
        change = cut(", ".join(map(_operation, event.operations[:WIDTH])), WIDTH)
        return f"{value_text(target, 40)} changed{by}: {change}"
    if event.kind_id in MESSAGE_KINDS:
        return message_text(event, lambda value: value_text(value, 40))
    if event.kind_id in TASK_KINDS:
        return task_text(event, lambda value: value_text(value, 40))
    if target is not None:
        owner = value_text(target, 40)
        shown = f"{owner}[{shown}]" if event.kind.endswith("item") else f"{owner}.{shown}"
    if event.kind == "call":
        named = (f"{plain(k)}={value_text(v, WIDTH)}" for k, v in event.arguments.items())
        return cut(", ".join(named), WIDTH)
    if event.value is None:
        return shown
    if event.kind == "fork":
        return f"process {value_text(event.value, WIDTH)} by {shown}"
    value = value_text(event.value, WIDTH)
    return f"{shown} = {value}" if shown else value


def _operation(operation: dict[str, Any]) -> str:
    """Return one step of a change, in the notation of Python where there is one."""
    from escope.engine.replay.value import Value

    parts = {
        word: value_text(part, 40) for word, part in operation.items() if isinstance(part, Value)
    }
    match operation["op"]:
        case "splice":
            place = f"[{operation['at']}:{operation['at'] + operation['removed']}]"
            inserted = ", ".join(value_text(value, 40) for value in operation["inserted"][:WIDTH])
            return f"{place} = [{inserted}]" if inserted else f"del {place}"
        case "append" | "add":
            return f"+ {parts['value']}"
        case "discard":
            return f"- {parts['value']}"
        case "set":
            return f"[{parts['key']}] = {parts['value']}"
        case "delete":
            return f"del [{parts['key']}]"
        case "set-attribute":
            return f".{plain(str(operation['name']))} = {parts['value']}"
        case "delete-attribute":
            return f"del .{plain(str(operation['name']))}"
        case "replace":
            return f"now {parts['value']}"
        case "label":
            return f"now {operation['label']}"
        case other:
            return str(other)
