"""Stores and deletions of variables into rows.

Each function is what one kind of probe does; it runs under the recorder's lock, in the thread it speaks of.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.ledger import Ledger

if TYPE_CHECKING:
    from escope.engine.capture.probes import Probe


def store(ledger: Ledger, thread: ThreadRecord, probe: Probe, value: Any) -> None:
    """A fast local, or a name of a class body, was stored."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    tag, number = ledger.value(value)
    ledger.encoder.drain()
    ledger.encoder.event(probe.head | tag, 0, number)


def store_cell(ledger: Ledger, thread: ThreadRecord, probe: Probe, cell: Any) -> None:
    """A variable that lives in a cell was stored."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    encoder = ledger.encoder
    followed = encoder.follow(cell)
    try:
        value = cell.cell_contents
    except ValueError:
        return
    tag, number = ledger.value(value)
    encoder.drain()
    followed.items = [encoder.item(value)]
    encoder.event(probe.head | tag, followed.object_id, number)


def store_global(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, value: Any, frame: types.FrameType
) -> None:
    """A global was stored."""
    ledger.settle(ledger.find(thread, probe))
    encoder = ledger.encoder
    tag, number = ledger.value(value)
    module = encoder.namespace(frame.f_globals, probe.code.module)
    encoder.drain()
    module.items[probe.name] = (probe.name, encoder.item(value))
    encoder.event(probe.head | tag, module.object_id, number)


def delete(ledger: Ledger, thread: ThreadRecord, probe: Probe) -> None:
    """A fast local, or a name of a class body, is unbound."""
    ledger.settle(ledger.find(thread, probe))
    ledger.encoder.event(probe.head, 0, 0)


def delete_cell(ledger: Ledger, thread: ThreadRecord, probe: Probe, cell: Any) -> None:
    """A variable that lives in a cell is unbound."""
    ledger.settle(ledger.find(thread, probe))
    followed = ledger.encoder.follow(cell)
    ledger.encoder.drain()
    followed.items = []
    ledger.encoder.event(probe.head, followed.object_id, 0)


def delete_global(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, frame: types.FrameType
) -> None:
    """A global is unbound."""
    ledger.settle(ledger.find(thread, probe))
    module = ledger.encoder.namespace(frame.f_globals, probe.code.module)
    ledger.encoder.drain()
    module.items.pop(probe.name, None)
    ledger.encoder.event(probe.head, module.object_id, 0)


def restore(ledger: Ledger, thread: ThreadRecord, probe: Probe, frame: types.FrameType) -> None:
    """A comprehension gave a variable back what it held before, or nothing."""
    ledger.settle(ledger.find(thread, probe))
    value = frame.f_locals.get(probe.name, an.MISSING)
    if value is an.MISSING:
        ledger.encoder.event(probe.head, 0, 0)
        return
    tag, number = ledger.value(value)
    ledger.encoder.drain()
    ledger.encoder.event(probe.head | tag, 0, number)
