"""`escope dump`."""

from __future__ import annotations

from typing import Any

import click

from escope.cli.reading import FILE, JSON, WIDTH, opened, place, seconds, write, write_json
from escope.cli.valuetext import value_text
from escope.errors import UsageError
from escope.events import KIND_BY_LABEL, Kind
from escope.tui.plain import plain


@click.command("dump")
@FILE
@JSON
@click.option(
    "--kind", "kinds", metavar="K[,K…]", multiple=True, help="Events of these kinds only."
)
@click.option("--from", "start", metavar="SEQ", default="start", help="The first event.")
@click.option("--to", "stop", metavar="SEQ", default="end", help="The last event.")
@click.option(
    "--items",
    type=click.IntRange(min=0),
    metavar="N",
    default=20,
    show_default=True,
    help="Items of one container.",
)
def command(
    file: str, as_json: bool, kinds: tuple[str, ...], start: str, stop: str, items: int
) -> None:
    """Write the events of a recording, one a line."""
    chosen = _kinds(kinds)
    with opened(file) as recording:
        if recording.event_count == 0 and (start, stop) == ("start", "end"):
            return
        first, last = recording.position(start), recording.position(stop)
        # Bounded: every event on a container shows it, so whole ones make a growing list quadratic.
        for event in recording.events(first, last + 1, chosen):
            if as_json:
                write_json(event.to_json(items=items))
            else:
                write(_line(event.to_json(items=min(items, WIDTH // 2))))


def _kinds(texts: tuple[str, ...]) -> set[Kind] | None:
    labels = [label.strip() for text in texts for label in text.split(",") if label.strip()]
    for label in labels:
        if label not in KIND_BY_LABEL:
            known = ", ".join(KIND_BY_LABEL)
            raise UsageError(f"there is no kind of event called {label!r}; there are {known}")
    return {KIND_BY_LABEL[label] for label in labels} if labels else None


def _line(event: dict[str, Any]) -> str:
    where = place(event["file"], event["line"], event["function"])
    text = (
        f"{event['seq']:>8}  {seconds(event['time_ns'])}  T{event['thread']}  "
        f"{'  ' * min(event['depth'], 12)}{event['kind']:<8} {where}"
    )
    what = _what(event)
    return f"{text}  {what}" if what else text


def _what(event: dict[str, Any]) -> str:
    name = event.get("name")
    shown = value_text(name, 40) if isinstance(name, dict) else plain(str(name or ""))
    if "target" in event:
        target = value_text(event["target"], 40)
        if event["kind"].endswith("item"):
            shown = f"{target}[{shown}]"
        else:
            shown = f"{target}.{shown}"
    if "value" not in event:
        return shown
    value = value_text(event["value"], WIDTH)
    return f"{shown} = {value}" if shown else value
