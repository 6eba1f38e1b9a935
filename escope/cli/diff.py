"""`escope diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from escope.cli.reading import FILE, JSON, PROCESS, WIDTH, opened, span, write, write_json
from escope.cli.valuetext import document_text, value_text
from escope.tui.plain import plain

if TYPE_CHECKING:
    from escope.engine.replay.diff import Change
    from escope.engine.replay.value import Value, View

_SIGNS = {"add": "+", "remove": "-", "change": "~"}


@click.command("diff")
@FILE
@click.argument("seq")
@click.argument("other")
@PROCESS
@JSON
def command(file: str, seq: str, other: str, process: int | None, as_json: bool) -> None:
    """Show what changed between two moments.

    Both are of one process.  Applied to the state at SEQ the changes give the state at OTHER; there are none
    if they are equal.
    """
    with opened(file) as recording:
        part, (first, second) = span(recording, process, seq, other)
        before, after = part.at(first), part.at(second)
        changes = before.diff(after)
        if as_json:
            write_json([change.to_json() for change in changes])
            return
        for change in changes:
            write(_line(change, before.view, after.view))


def _line(change: Change, before: View, after: View) -> str:
    here = before if change.op == "remove" else after
    path = "/".join(
        document_text(step, here) if isinstance(step, dict) else plain(str(step))
        for step in change.path
    )
    sides = ((change.before, before), (change.after, after))
    values = [_side(side, view) for side, view in sides if side is not None]
    text = f"{_SIGNS.get(change.op, change.op)} {path}"
    return f"{text}: {' → '.join(values)}" if values else text


def _side(side: Value | dict[str, Any], view: View) -> str:
    if isinstance(side, dict):
        return document_text(side, view, WIDTH // 2)
    return value_text(side, WIDTH // 2)
