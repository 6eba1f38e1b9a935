"""Which capture core is at work in this process: the C core where it was built, or the Python reference.

`ESCOPE_CORE=c` or `py` chooses; a choice that cannot be had is an error, never another core.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from escope.engine import capture
from escope.errors import UsageError

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder

NATIVE = "escope.engine.capture._probes"


def chosen() -> str:
    """`c` or `py`; `UsageError` if `ESCOPE_CORE` asks for what is not there."""
    wanted = capture.core_of_parent or os.environ.get("ESCOPE_CORE", "")
    if wanted not in ("", "c", "py"):
        raise UsageError(f"ESCOPE_CORE={wanted}: there is no such core; choose c or py")
    if wanted:
        if wanted == "c" and find_spec(NATIVE) is None:
            raise UsageError(
                "ESCOPE_CORE=c: the C core was not built; install escope where there is a C compiler, "
                "or choose py"
            )
        return wanted
    return "c" if find_spec(NATIVE) is not None else "py"


CORE = chosen()


def recorder_class() -> type[Recorder]:
    """The recorder of the core at work."""
    if CORE == "c":
        from escope.engine.capture.native import NativeRecorder

        return NativeRecorder
    from escope.engine.capture.recorder import Recorder

    return Recorder
