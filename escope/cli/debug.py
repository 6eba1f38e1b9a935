"""`escope debug`."""

from __future__ import annotations

from escope.cli.running import program_command
from escope.engine.launch.options import RecordOptions


def debug(options: RecordOptions) -> int:
    """Run and record a program in the player.

    The program has a terminal of its own in a pane; the view follows it until you move.  When it ends
    while the player is open, its exit status is that of this command.
    """
    import os

    from escope.cli.terminal import need_terminal

    need_terminal("escope debug")
    from escope.engine import launch
    from escope.engine.launch.narration import narrate, note_left
    from escope.tui.app import run

    size = os.get_terminal_size()
    session = launch.debug_session(options, rows=max(size.lines // 3, 4), columns=size.columns)
    try:
        failed = run(session.recording_path, session)
    finally:
        session.close()
    if session.left:
        note_left(session.wiring, session.pid)
        return failed
    status = session.wait(2.0)
    narrate(session.wiring, session.seconds, session.wait_sealed(60.0))
    if status is None:
        return failed or 1
    return status if status >= 0 else 128 - status


command = program_command(debug)
