"""`escope find`."""

from __future__ import annotations

import click

from escope.cli.output import note
from escope.cli.reading import (
    FILE,
    JSON,
    PROCESS,
    opened,
    place,
    position_text,
    seconds,
    span,
    write,
    write_json,
)


@click.command("find")
@FILE
@click.argument("expr")
@click.option(
    "--every", is_flag=True, help="All moments at which it is true, not where it becomes so."
)
@click.option("--backward", is_flag=True, help="From the end, or from SEQ, towards the start.")
@click.option("--from", "start", metavar="SEQ", help="Where to begin.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@PROCESS
@JSON
def command(
    file: str,
    expr: str,
    every: bool,
    backward: bool,
    start: str | None,
    limit: int | None,
    process: int | None,
    as_json: bool,
) -> None:
    """Find the moments at which EXPR becomes true.

    EXPR is a Python expression on the variables of the current frame, evaluated before each line of one
    process.
    """
    from escope.engine.predicate import compile_predicate

    compile_predicate(expr)  # a wrong expression is said before the recording is read
    found = 0
    with opened(file) as recording:
        part, begin = recording.process(process or 0), None
        if start is not None:
            part, (begin,) = span(recording, process, start)
        for moment in part.find(expr, every, backward, begin, limit):
            found += 1
            if as_json:
                write_json(
                    {
                        "process": moment.process,
                        "seq": moment.seq,
                        "time_ns": moment.time_ns,
                        "file": moment.file,
                        "line": moment.line,
                        "function": moment.function,
                    }
                )
            else:
                where = place(moment.file, moment.line, moment.function)
                write(
                    f"{position_text(moment.process, moment.seq):>8}  {seconds(moment.time_ns)}  {where}"
                )
    if not found:
        note("no moment found")
