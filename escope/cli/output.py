"""Standard output and standard error: how they are written, and what happens where they cannot be."""

from __future__ import annotations

import errno
import os
import sys

from escope.errors import EscopeError, UsageError


class ReaderGone(EscopeError):
    """The reader of standard output has what it wanted; no error, and nothing to say."""

    exit_status = 0


def put(text: str) -> None:
    """Write to standard output; UsageError if that is impossible, ReaderGone if nobody reads any more."""
    if sys.stdout is None:
        raise UsageError("cannot write to standard output: it is closed")
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise _failure(error) from None


def flush() -> None:
    """Write what standard output still holds; raises as `put` does."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _failure(error) from None


def drop() -> None:
    """Let what standard output still holds go nowhere: at exit the interpreter would try it again."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError, AttributeError):
        pass  # no stream of the operating system


def note(text: str) -> None:
    """Say something on standard error, if anybody can hear it."""
    if sys.stderr is None:
        return
    try:
        print(f"escope: {text}", file=sys.stderr)
    except OSError:
        pass


def _failure(error: OSError) -> EscopeError:
    drop()
    if error.errno == errno.EPIPE:
        return ReaderGone()
    return UsageError(f"cannot write to standard output: {error.strerror}")
