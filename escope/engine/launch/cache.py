"""Where the code cache of a recording lies: as `ESCOPE_CACHE` says, else in the user's cache directory."""

from __future__ import annotations

import os
import sys

from escope.engine.capture.cache import CodeCache
from escope.engine.launch.narration import visible

VARIABLE = "ESCOPE_CACHE"


def cache_folder() -> str | None:
    """Return the directory, made if need be; None if there is none, with one line where it must not be used."""
    wanted = os.environ.get(VARIABLE, "")
    folder = _own_folder() if not wanted else None if wanted == "off" else os.path.abspath(wanted)
    if folder is None:
        return None
    try:
        problem = CodeCache(folder).problem()
    except OSError as error:
        if not wanted:
            return None  # such as a home that is read-only: nobody has asked for anything
        problem = error.strerror or "it cannot be made"
    if problem is None:
        return folder
    if sys.stderr is not None:
        text = f"the code cache {folder!r} is not used: {problem}; {VARIABLE}=DIR names another, off none"
        print(f"escope: {visible(text)}", file=sys.stderr)
    return None


def _own_folder() -> str | None:
    """The directory in the user's cache; None where that lies in a place of another user (a borrowed `HOME`)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(base):
        return None
    near = base
    while not os.path.exists(near):
        near = os.path.dirname(near)
    if os.stat(near).st_uid != os.geteuid():
        return None
    return os.path.join(base, "escope")
