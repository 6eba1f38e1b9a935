"""The `escope` program: finds the command, and turns every failure into one line and a status."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from escope.interpreter import refusal

if TYPE_CHECKING:
    import click

COMMANDS = {
    "record": "Run a program and record it.",
    "debug": "Run and record a program in the player.",
    "open": "Open a recording in the player.",
    "info": "Say what a recording holds.",
    "dump": "Write the events of a recording, one a line.",
    "state": "Show the threads, frames and variables at a moment.",
    "find": "Find the moments at which EXPR becomes true.",
    "diff": "Show what changed between two moments.",
}
"""The commands, with the first line of their help: listing them imports none."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status of CONTRACT: 0, 2, 3, 70 or the program's own."""
    line = refusal()
    if line is not None:
        print(line, file=sys.stderr)
        return 2
    # Names and paths may be any bytes; what cannot be written as it is gets escaped.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    import click

    from escope.cli.output import ReaderGone, drop, flush
    from escope.errors import EscopeError

    try:
        status = _group().main(arguments, prog_name="escope", standalone_mode=False)
        flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help(), file=sys.stderr)
        return 2
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "escope"
        return _fail(f"{_sentence(error.format_message())} (see `{path} --help`)", 2)
    except click.Abort:
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except ReaderGone:
        return 0
    except EscopeError as error:
        if error.exit_status == 70 and os.environ.get("ESCOPE_TRACEBACK"):
            raise
        return _fail(str(error), error.exit_status)
    except SystemExit:
        # So click ends when the reader of a help text is gone.
        drop()
        return 0
    except OSError as error:
        try:
            # A help text is written by click; what could not be written is still there.
            flush()
        except EscopeError as failure:
            return failure.exit_status and _fail(str(failure), failure.exit_status)
        return _internal(error)
    except Exception as error:
        return _internal(error)


def _group() -> click.Group:
    """Return the group of commands; a command's module is imported when it is asked for."""
    import click

    class Commands(click.Group):
        """Loads each command from the module of its name."""

        def list_commands(self, ctx: click.Context) -> list[str]:
            return list(COMMANDS)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            if cmd_name not in COMMANDS:
                return None
            command: click.Command = import_module(f"escope.cli.{cmd_name}").command
            return command

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            with formatter.section("Commands"):
                formatter.write_dl(list(COMMANDS.items()))

        def invoke(self, ctx: click.Context) -> object:
            try:
                return super().invoke(ctx)
            except click.UsageError as error:
                name = ctx.invoked_subcommand
                command = self.get_command(ctx, name) if name else None
                if error.ctx is None and command is not None:
                    # Click's parser does not know for which command it works.
                    error.ctx = click.Context(command, info_name=name, parent=ctx)
                raise

    from escope import __version__

    group = Commands(
        "escope",
        help="A time-travel debugger for Python: record a program, then go through its run both ways.",
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
    )
    return click.version_option(__version__, prog_name="escope")(group)


def _fail(message: str, status: int) -> int:
    """Say `message` in one line, with nothing in it that a terminal would obey."""
    from escope.cli.output import note
    from escope.tui.plain import plain

    note(plain(" ".join(message.splitlines())))
    return status


def _sentence(message: str) -> str:
    message = message.strip().removesuffix(".")
    return message[:1].lower() + message[1:]


def _interrupted() -> int:
    """End as a program that Ctrl-C ended."""
    from escope.cli.status import end_as

    return end_as(-2)


def _internal(error: Exception) -> int:
    """Report an error that is escope's own fault; the traceback goes to a file."""
    if os.environ.get("ESCOPE_TRACEBACK"):
        raise error
    import tempfile
    import traceback

    what = f"internal error: {type(error).__name__}: {error}"
    try:
        fd, name = tempfile.mkstemp(prefix="escope-traceback-", suffix=".txt")
        with open(fd, "w", errors="backslashreplace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return _fail(f"{what}; ESCOPE_TRACEBACK=1 shows where", 70)
    return _fail(f"{what}; the traceback is in {name}", 70)
