"""The terminal that the player needs."""

from __future__ import annotations

import os
import sys

from escope.errors import UsageError


def need_terminal(what: str) -> None:
    """Raise UsageError unless standard input and output are a terminal that can be drawn on."""
    if not (
        sys.__stdin__ and sys.__stdin__.isatty() and sys.__stdout__ and sys.__stdout__.isatty()
    ):
        raise UsageError(
            f"{what} needs a terminal, and standard input or output is none; "
            "`escope info`, `dump`, `state` and `find` work without"
        )
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UsageError(f"{what} needs a terminal that can place text; TERM says it cannot")
