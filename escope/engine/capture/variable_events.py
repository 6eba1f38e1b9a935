"""Stores and deletions of variables into rows.

Each function is what one kind of probe does; it runs under the recorder's lock, in the thread it speaks of.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.contents import cell_content
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.ledger import Ledger
from escope.storage.rows import Tag

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
    if type(cell) is not types.CellType:
        # An inlined comprehension of that name keeps its variable in the slot itself.
        frame.cells.pop(probe.slot or 0, None)
        store(ledger, thread, probe, cell)
        return
    ledger.settle(frame)
    encoder = ledger.encoder
    followed = encoder.follow(cell)
    content = cell_content(cell)
    if not content:
        return
    tag, number = ledger.value(content[0])
    encoder.drain()
    followed.items = [encoder.item(content[0])]
    if frame.cells.get(probe.slot or 0) is followed:
        encoder.event(probe.head | tag, followed.object_id, number)
        return
    # An inlined comprehension made a cell of its own: from here on the variable lives there.
    frame.cells[probe.slot or 0] = followed
    encoder.write(followed)
    encoder.event(probe.head | Tag.OBJECT, 0, followed.object_id)


def store_name(
    ledger: Ledger,
    thread: ThreadRecord,
    probe: Probe,
    value: Any,
    names: Any,
    module: str | None,
) -> None:
    """A global, or a name of a class body, was stored in `names`."""
    ledger.settle(ledger.find(thread, probe))
    encoder = ledger.encoder
    tag, number = ledger.value(value)
    if not an.is_mapping(names):
        # A metaclass prepared a mapping of its own: only the statement can be told.
        encoder.drain()
        encoder.event(probe.head | tag, 0, number)
        return
    if type(names) is not dict:
        # Its class may store something else (enum replaces `auto()`): the details tell what.
        own = encoder.follow(names)
        encoder.check(own, "")
        encoder.drain()
        encoder.event(probe.head | tag, 0, number)
        return
    namespace = encoder.namespace(names, module)
    encoder.drain()
    namespace.items[probe.name] = (probe.name, encoder.item(value))
    encoder.event(probe.head | tag, namespace.object_id, number)


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


def delete_name(
    ledger: Ledger, thread: ThreadRecord, probe: Probe, names: Any, module: str | None
) -> None:
    """A global, or a name of a class body, is unbound."""
    ledger.settle(ledger.find(thread, probe))
    encoder = ledger.encoder
    if not an.is_mapping(names):
        encoder.event(probe.head, 0, 0)
        return
    if type(names) is not dict:
        encoder.check(encoder.follow(names), "")
        encoder.drain()
        encoder.event(probe.head, 0, 0)
        return
    namespace = encoder.namespace(names, module)
    encoder.drain()
    namespace.items.pop(probe.name, None)
    encoder.event(probe.head, namespace.object_id, 0)


def save(ledger: Ledger, thread: ThreadRecord, probe: Probe) -> None:
    """An inlined comprehension takes a variable over: it is unbound until its first store."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    slot = probe.slot or 0
    if slot in probe.code.cells:
        frame.saved.setdefault(slot, []).append(frame.cells.pop(slot, None))
    ledger.encoder.event(probe.head, 0, 0)


def drop(ledger: Ledger, thread: ThreadRecord, probe: Probe) -> None:
    """A variable that only an inlined comprehension has ends."""
    frame = ledger.find(thread, probe)
    ledger.settle(frame)
    frame.cells.pop(probe.slot or 0, None)
    ledger.encoder.event(probe.head, 0, 0)


def restore(ledger: Ledger, thread: ThreadRecord, probe: Probe, frame: types.FrameType) -> None:
    """A comprehension gave a variable back what it held before, or nothing."""
    record = ledger.find(thread, probe)
    ledger.settle(record)
    slot = probe.slot or 0
    if slot in probe.code.cells:
        saved = record.saved.get(slot)
        cell = saved.pop() if saved else None
        if cell is not None:
            record.cells[slot] = cell
            ledger.encoder.event(probe.head | Tag.OBJECT, 0, cell.object_id)
            return
        # It is no cell now, and so was not before: `f_locals` takes it for one, and must not be asked.
        record.cells.pop(slot, None)
        ledger.encoder.event(probe.head, 0, 0)
        return
    value = frame.f_locals.get(probe.name, an.MISSING)
    if value is an.MISSING:
        ledger.encoder.event(probe.head, 0, 0)
        return
    tag, number = ledger.value(value)
    ledger.encoder.drain()
    ledger.encoder.event(probe.head | tag, 0, number)
