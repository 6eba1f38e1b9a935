"""Rewriting code: probes are inserted, nothing else changes, and that is verified.

`instructions` parses, `flow` follows the stack, `lines` finds the line moments, `plan` says which probe
stands where, `emit_reference` and `emit_peek` make instructions of it for the Python and the C core,
`rewrite` assembles, `verify` takes the probes out again and compares, `transform` does all that for a
module.
"""

from escope.engine.capture.instrument.emit_peek import Operands
from escope.engine.capture.instrument.transform import (
    PeekingFactory,
    ProbeFactory,
    instrument_code,
)

__all__ = ["Operands", "PeekingFactory", "ProbeFactory", "instrument_code"]
