"""`escope state`."""

from __future__ import annotations

import click

from escope.cli.reading import FILE, JSON, WIDTH, opened, place, seconds, write, write_json
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
@JSON
def command(file: str, at: str, depth: int | None, items: int | None, as_json: bool) -> None:
    """Show the threads, frames and variables at a moment.

    The moment is the one right after the event.  Before a line runs means: at its line event.
    """
    with opened(file) as recording:
        state = recording.at(recording.position(at))
        if as_json:
            write_json(state.to_json(depth, items))
            return
        write(f"event {state.seq} at {seconds(state.time_ns)} s")
        for thread in state.threads:
            write(f"thread {thread.id} {plain(thread.name)}")
            for number, frame in enumerate(thread.frames):
                write(f"  #{number} {place(frame.file, frame.line, frame.function)}")
                for name, value in frame.variables.items():
                    label = f"  ({value.label})" if value.label else ""
                    write(f"      {plain(name)} = {plain(value.summary(WIDTH))}{label}")
