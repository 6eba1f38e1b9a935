"""What a probe is for; the plan places roles, each core has a probe for every role."""

from __future__ import annotations

from enum import Enum, auto


class Role(Enum):
    """The job of one probe, and what it is about; the reference core is handed that (`emit_reference`)."""

    LINE = auto()
    """A line moment: nothing."""
    CALL = auto()
    """A frame begins: one tuple of the parameters that are not cells, then all cells, by slot."""
    RETURN = auto()
    """A frame ends: the value."""
    YIELD = auto()
    """A frame is suspended: the value, as the program gave it."""
    RESUME = auto()
    """A suspended frame goes on: the value sent."""
    STORE = auto()
    """A variable was stored: its value, or its cell where it lives in one."""
    RESTORE = auto()
    """An inlined comprehension gave a variable back what it was before, which may be nothing: nothing."""
    SAVE = auto()
    """An inlined comprehension took a variable over, which is unbound from here on: nothing."""
    DROP = auto()
    """A variable of an inlined comprehension alone ends: nothing."""
    DELETE = auto()
    """A variable was deleted: its cell where it lives in one, else nothing."""
    SETATTR = auto()
    """An attribute was stored: owner and value."""
    DELATTR = auto()
    """An attribute was deleted: the owner."""
    SETITEM = auto()
    """An item was stored: one tuple of value, container and key, or of value, container, start and stop."""
    DELITEM = auto()
    """An item was deleted: one tuple of container and key."""
    EXCEPT = auto()
    """An exception reached a handler, which may or may not catch it: the exception."""
    HANDLE = auto()
    """An exception is caught: the exception."""
    UNWIND = auto()
    """An exception leaves the frame: the exception."""
    RAISING = auto()
    """A raise statement is about to run: nothing."""
    RECEIVER = auto()
    """A method is looked up, to be called later: the receiver.  `extra`: its stack slot."""
    ARGS = auto()
    """A call is about to be made: one tuple of the callable and its arguments.  None stands for a callable
    that the lookup of a method gave.  `extra`: the lowest stack slot of the call, and whether it is a
    method's.  With the name `*` the arguments are the positional ones in one object, and a dict or None."""
    TOUCH = auto()
    """Another operation may run unseen code on an object, or change it in place: the object."""
    IMPORTED = auto()
    """An import has been made: nothing."""
    TAP = auto()
    """A point of a function of the standard library (`instrument/tap.py`): one tuple of some of its locals."""
