"""Which interpreters escope runs on; importable, and its answer readable, on any other."""

import sys

SUPPORTED = ((3, 11), (3, 12), (3, 13))


def refusal():  # type: () -> str | None
    """Return one line that names this interpreter and says why it is refused, or None if it is fine."""
    name = sys.implementation.name
    version = ".".join(str(part) for part in sys.version_info[:3])
    known = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy", "ironpython": "IronPython"}
    this = known.get(name, name) + " " + version
    if "t" in getattr(sys, "abiflags", ""):
        this += " (free-threaded)"
    elif name == "cpython" and tuple(sys.version_info[:2]) in SUPPORTED:
        return None
    return (
        "escope runs on CPython 3.11, 3.12 and 3.13 with the GIL; this is "
        + this
        + (" (" + sys.executable + ")" if sys.executable else "")
    )
