"""`escope state`."""

from __future__ import annotations

import click

from escope.cli.reading import (
    FILE,
    JSON,
    PROCESS,
    WIDTH,
    opened,
    place,
    position_text,
    seconds,
    span,
    write,
    write_json,
)
from escope.tui.plain import plain


@click.command("state")
@FILE
@click.option("--at", required=True, metavar="SEQ|start|end|exception", help="The moment.")
@click.option(
    "--depth", type=click.IntRange(min=0), metavar="N", help="Levels of nested values, with --json."
)
@click.option(
    "--items", type=click.IntRange(min=0), metavar="N", help="Items of one container, with --json."
)
@PROCESS
@JSON
def command(
    file: str, at: str, depth: int | None, items: int | None, process: int | None, as_json: bool
) -> None:
    """Show the threads, frames and variables at a moment.

    The moment is the one right after the event.  Before a line runs means: at its line event.
    """
    with opened(file) as recording:
        part, (seq,) = span(recording, process, at)
        state = part.at(seq)
        if as_json:
            write_json(state.to_json(depth, items))
            return
        write(f"event {position_text(state.process, state.seq)} at {seconds(state.time_ns)} s")
        for thread in state.threads:
            write(f"thread {thread.id} {plain(thread.name)}")
            for number, frame in enumerate(thread.frames):
                write(f"  #{number} {place(frame.file, frame.line, frame.function)}")
                for name, value in frame.variables.items():
                    mark = f"  ({value.label})" if value.label else ""
                    write(f"      {plain(name)} = {plain(value.summary(WIDTH))}{mark}")
