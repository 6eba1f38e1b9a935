"""`escope open`."""

from __future__ import annotations

from pathlib import Path

import click

from escope.cli.reading import PROCESS


@click.command("open")
@click.argument("file", type=click.Path(path_type=Path))
@PROCESS
def command(file: Path, process: int | None) -> int:
    """Open a recording in the player.

    It may be finished, still growing, or left by a crash.
    """
    from escope.cli.terminal import need_terminal

    need_terminal("escope open")
    from escope.tui.app import run

    return run(file, process=process or 0)
