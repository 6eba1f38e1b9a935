"""What a probe is for; the plan places roles, each core has a probe for every role."""

from __future__ import annotations

from enum import Enum, auto


class Role(Enum):
    """The job of one probe; `docs/capture.md` tells what each one hands over."""

    LINE = auto()
    CALL = auto()
    RETURN = auto()
    YIELD = auto()
    RESUME = auto()
    STORE = auto()
    RESTORE = auto()
    """An inlined comprehension gave a variable back what it was before, which may be nothing."""
    SAVE = auto()
    """An inlined comprehension took a variable over: it is unbound from here on."""
    DROP = auto()
    """A variable of an inlined comprehension alone ends."""
    DELETE = auto()
    SETATTR = auto()
    DELATTR = auto()
    SETITEM = auto()
    DELITEM = auto()
    EXCEPT = auto()
    """An exception reached a handler, which may or may not catch it."""
    HANDLE = auto()
    UNWIND = auto()
    RAISING = auto()
    RECEIVER = auto()
    """A method is looked up, to be called later."""
    ARGS = auto()
    TOUCH = auto()
    """Another operation that may run unseen code on an object, or change it in place."""
    IMPORTED = auto()
