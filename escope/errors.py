"""The one tree of errors; a message says what failed, shows the value, and says what to do next."""

from __future__ import annotations


class EscopeError(Exception):
    """Something that escope reports in one line; `exit_status` is the command line's status for it."""

    exit_status = 70


class UsageError(EscopeError):
    """What was asked for cannot be done: a wrong option, path, position or expression."""

    exit_status = 2


class PredicateError(UsageError):
    """An expression that does not parse, or uses a construct that predicates do not have."""


class PositionError(UsageError):
    """A position that lies outside the recording."""


class RecordingError(EscopeError):
    """A file that is not a recording, or a damaged one."""

    exit_status = 3


class CaptureError(EscopeError):
    """The recorder could not start, or failed and detached."""
