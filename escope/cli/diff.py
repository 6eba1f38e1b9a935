"""`escope diff`."""

from __future__ import annotations

from typing import Any

import click

from escope.cli.reading import FILE, JSON, WIDTH, opened, write, write_json
from escope.cli.valuetext import value_text
from escope.tui.plain import plain

_SIGNS = {"add": "+", "remove": "-", "change": "~"}


@click.command("diff")
@FILE
@click.argument("seq")
@click.argument("other")
@JSON
def command(file: str, seq: str, other: str, as_json: bool) -> None:
    """Show what changed between two moments.

    Applied to the state at SEQ the changes give the state at OTHER; there are none if they are equal.
    """
    with opened(file) as recording:
        before = recording.at(recording.position(seq))
        after = recording.at(recording.position(other))
        changes = [change.to_json() for change in before.diff(after)]
    if as_json:
        write_json(changes)
        return
    for change in changes:
        write(_line(change))


def _line(change: dict[str, Any]) -> str:
    path = "/".join(
        value_text(step) if isinstance(step, dict) else str(step) for step in change["path"]
    )
    op = change["op"]
    text = f"{_SIGNS.get(op, op)} {plain(path)}"
    values = [value_text(change[key], WIDTH // 2) for key in ("before", "after") if key in change]
    return f"{text}: {' → '.join(values)}" if values else text
