"""The name under which instrumented code is kept: everything that decides what instrumenting gives.

That is the source, the plain code in all that the rewriting looks at, which core the probes are for, the
interpreter, and the instrumenter.  What is in scope decides which modules are instrumented, never how.
"""

from __future__ import annotations

import marshal
import sys
from functools import cache
from hashlib import blake2b
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any

import bytecode

_CAPTURE = Path(__file__).parent.parent
_ESCOPE = _CAPTURE.parent.parent
_SOURCES = (
    _ESCOPE / "__init__.py",
    _ESCOPE / "events.py",
    _CAPTURE / "roles.py",
    _CAPTURE / "sites.py",
    *sorted(_CAPTURE.glob("instrument/*.py")),
)
"""What decides how code is rewritten; the first one tells escope's version."""
_FORM = 2
"""Of `marshal`: the last one in which equal values give equal bytes, whoever else refers to them."""


def identity(code: CodeType, source_sha: str, peeking: bool) -> str | None:
    """64 hexadecimal digits for `code` with everything nested in it; None where escope has no source files."""
    digest = instrumenter()
    if digest is None:
        return None
    facts = (digest, source_sha, peeking, _shape(code))
    return blake2b(marshal.dumps(facts, _FORM), digest_size=32).hexdigest()


@cache
def instrumenter() -> bytes | None:
    """A digest of this interpreter and of the instrumenter, None if that cannot be told.

    A version stands for released sources only, so the sources themselves are taken in too: an instrumenter that
    is being worked on never meets what it gave before.
    """
    digest = blake2b(digest_size=32)
    names = (sys.version, MAGIC_NUMBER.hex(), bytecode.__version__)
    digest.update(repr(names).encode())
    try:
        for path in _SOURCES:
            digest.update(blake2b(path.read_bytes()).digest())
    except OSError:
        return None
    return digest.digest()


def _shape(code: CodeType) -> tuple[Any, ...]:
    """All that the rewriting reads of a code object; of its constants, which are None and which are code."""
    constants = [
        _shape(one) if isinstance(one, CodeType) else one is None for one in code.co_consts
    ]
    return (
        code.co_code,
        code.co_linetable,
        code.co_exceptiontable,
        code.co_names,
        code.co_varnames,
        code.co_cellvars,
        code.co_freevars,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_firstlineno,
        code.co_stacksize,
        tuple(constants),
    )
