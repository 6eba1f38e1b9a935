"""Rewriting code: probes are inserted, nothing else changes, and that is verified.

`instructions` parses, `flow` follows the stack, `lines` finds the line moments, `plan` says which probe
stands where, `emit_reference` makes instructions of it for the Python core, `rewrite` assembles, `verify`
takes the probes out again and compares, `transform` does all that for a module.
"""

from escope.engine.capture.instrument.transform import ProbeFactory, instrument_code

__all__ = ["ProbeFactory", "instrument_code"]
