"""What `record` and `debug` have in common: their options, and where the program's arguments begin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from escope.engine.launch.options import RecordOptions
from escope.errors import UsageError

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_BINARY = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes: 500000, 200M, 1.5GB, 64MiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", value.strip().lower())
        if match is None or (match[3] and not match[2]):
            self.fail(f"{value!r} is not a size such as 500M, 2GB or 64MiB", param, ctx)
        size = int(float(match[1]) * (_BINARY if match[3] else _UNITS)[match[2]])
        if size <= 0:
            self.fail(f"{value!r} leaves no room for anything", param, ctx)
        return size


class ProgramCommand(click.Command):
    """A command whose own options end where the program begins: at SCRIPT, or after `-m MODULE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Hide what follows `-m MODULE` from the parser, as Python does."""
        valued = {
            name
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and not parameter.is_flag
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        position = 0
        while position < len(args):
            word = args[position]
            if word == "--" or not word.startswith("-") or word == "-":
                break
            if word == "-m" or (word.startswith("-m") and not word.startswith("--")):
                end = position + (2 if word == "-m" else 1)
                if end <= len(args):
                    args = [*args[:end], "--", *args[end:]]
                break
            position += 2 if word in valued else 1
        return super().parse_args(ctx, args)


def program_command(function: Callable[..., int]) -> click.Command:
    """Return the command that calls `function(RecordOptions)`; its docstring is the help."""

    def run(module: str | None, program: tuple[str, ...], **rest: Any) -> int:
        return function(_options(module, program, **rest))

    doc = (function.__doc__ or "").strip()
    parameters: list[click.Parameter] = [
        click.Option(
            ["-m", "module"], metavar="MODULE", help="Run this module, as python -m does."
        ),
        click.Option(["-o", "output"], metavar="FILE", help="The recording (default: NAME.esr)."),
        click.Option(["--force"], is_flag=True, help="Replace an existing recording."),
        click.Option(
            ["--include"],
            multiple=True,
            metavar="P",
            help="Trace modules that match, wherever they lie; repeatable.",
        ),
        click.Option(
            ["--exclude"],
            multiple=True,
            metavar="P",
            help="Leave out modules that match; repeatable.",
        ),
        click.Option(
            ["--break-when"],
            multiple=True,
            metavar="EXPR",
            help="Pause (debug) or mark (record) where this becomes true; repeatable.",
        ),
        click.Option(
            ["--max-size"], type=Size(), metavar="SIZE", help="Stop recording at this size."
        ),
        click.Option(
            ["--children/--no-children"],
            default=True,
            help="Record processes that the program starts, too (default: yes).",
        ),
        click.Argument(
            ["program"], nargs=-1, type=click.UNPROCESSED, metavar="(SCRIPT | -m MODULE) [ARG…]"
        ),
    ]
    return click.command(
        function.__name__,
        cls=ProgramCommand,
        params=parameters,
        help=doc,
        context_settings={"allow_interspersed_args": False},
    )(run)


def _options(
    module: str | None,
    program: tuple[str, ...],
    *,
    output: str | None,
    force: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    break_when: tuple[str, ...],
    max_size: int | None,
    children: bool,
) -> RecordOptions:
    if module is None:
        if not program:
            raise UsageError("name a script or -m MODULE to run")
        target, arguments = program[0], program[1:]
    else:
        target, arguments = module, program
    return RecordOptions(
        target=target,
        arguments=arguments,
        module=module is not None,
        output=output,
        force=force,
        include=include,
        exclude=exclude,
        break_when=break_when,
        max_size=max_size,
        children=children,
    )
