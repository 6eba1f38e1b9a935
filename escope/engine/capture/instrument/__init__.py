"""Rewriting code: probes are inserted, nothing else changes, and that is verified.

`instructions` parses, `flow` follows the stack, `lines` finds the line moments, `plan` says which probe
stands where, `emit_reference` and `emit_peek` make instructions of it for the Python and the C core,
`rewrite` assembles, `verify` takes the probes out again and compares, `transform` does all that for a
module, and `tap` for single points of functions that are not traced.
"""

from escope.engine.capture.instrument.emit_peek import Operands
from escope.engine.capture.instrument.instructions import UnknownCode
from escope.engine.capture.instrument.tap import Point, tapped
from escope.engine.capture.instrument.transform import (
    PeekingFactory,
    ProbeFactory,
    instrument_code,
)

__all__ = [
    "Operands",
    "PeekingFactory",
    "Point",
    "ProbeFactory",
    "UnknownCode",
    "instrument_code",
    "tapped",
]
