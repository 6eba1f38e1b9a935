"""Stores and deletions of attributes and items into rows.

Each function is what one kind of probe does; it runs under the recorder's lock, in the thread it speaks of.
"""

from __future__ import annotations

import gc
import types
import weakref
from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.changes import add_entry, changed_length
from escope.engine.capture.contents import one_at_once
from escope.engine.capture.differences import key_token, same
from escope.engine.capture.frames import ThreadRecord
from escope.engine.capture.ledger import Ledger
from escope.engine.capture.objects import Followed
from escope.storage.rows import APPLIED, Detail, Shape, Tag

if TYPE_CHECKING:
    from escope.engine.capture.probes import Probe


def setattr(ledger: Ledger, thread: ThreadRecord, probe: Probe, owner: Any, value: Any) -> None:
    """`owner.name = value` was done."""
    ledger.settle(ledger.find(thread, probe))
    encoder = ledger.encoder
    tag, number = ledger.value(value)
    target = encoder.follow(owner)
    encoder.drain()
    if attribute_stored(ledger, target, owner, probe.name, value):
        tag |= APPLIED
    encoder.event(probe.head | tag, target.object_id, number)


def attribute_stored(ledger: Ledger, target: Followed, owner: Any, name: str, value: Any) -> bool:
    """Bring what is known of `owner` up to date; whether the assignment itself tells all that happened."""
    if not _attribute_is(ledger, target, owner, name, value):
        _recheck(ledger, target, owner)
        return False
    target.attributes[name] = ledger.encoder.item(value)
    _twin(ledger, target, owner)
    return True


def _attribute_is(ledger: Ledger, target: Followed, owner: Any, name: str, value: Any) -> bool:
    """Whether the attribute lies in the object itself, and is `value` (MISSING: is not there)."""
    anatomy = target.anatomy
    if anatomy.shape in an.IMMUTABLE or anatomy.shape in (Shape.CELL, Shape.NAMESPACE):
        return False
    if target.stale:
        return False
    for slot, get in anatomy.slots:
        if slot == name:
            return anatomy.slot(owner, slot, get) is value
    held = anatomy.instance_dict(owner)
    if held is None:
        return False
    if not ledger.encoder.objects.is_held(target, held):
        return False
    return held.get(name, an.MISSING) is value


def _twin(ledger: Ledger, target: Followed, owner: Any) -> None:
    """The instance dict, where the program holds it as an object of its own, changed as well."""
    if target.held_dict is not None:
        held = target.anatomy.instance_dict(owner)
        twin = ledger.encoder.objects.get(held)
        if twin is not None:
            ledger.encoder.check(twin, "attribute")


def _recheck(ledger: Ledger, target: Followed, owner: Any) -> None:
    """Something else than a plain attribute happened: compare what may have changed."""
    cls = type(owner)
    if cls is types.ModuleType:
        known = ledger.encoder.objects.get(an.module_dict(owner))
        if known is not None:
            ledger.encoder.check(known, "attribute")
    elif cls is weakref.ProxyType or cls is weakref.CallableProxyType:
        behind = ledger.encoder.objects.behind_proxy(owner)
        if behind is not None:
            ledger.encoder.check(behind, "attribute")
    else:
        ledger.checker.walk(owner, "attribute")


def delattr(ledger: Ledger, thread: ThreadRecord, probe: Probe, owner: Any) -> None:
    """`del owner.name` was done."""
    ledger.settle(ledger.find(thread, probe))
    encoder = ledger.encoder
    target = encoder.follow(owner)
    encoder.drain()
    tag = 0
    if probe.name in target.attributes and _attribute_is(
        ledger, target, owner, probe.name, an.MISSING
    ):
        del target.attributes[probe.name]
        tag = APPLIED
        _twin(ledger, target, owner)
    else:
        _recheck(ledger, target, owner)
    encoder.event(probe.head | tag, target.object_id, 0)


def setitem(ledger: Ledger, thread: ThreadRecord, probe: Probe, operands: tuple[Any, ...]) -> None:
    """`container[key] = value` was done."""
    ledger.settle(ledger.find(thread, probe))
    value, container, key = operands if len(operands) == 3 else _with_slice(operands)
    encoder = ledger.encoder
    tag, number = ledger.value(value)
    target = encoder.follow(container)
    key_tag, key_number = encoder.token(key)
    encoder.drain()
    place = _applied_item(ledger, target, container, key, value)
    if place is not None and place >= 0:
        tag |= APPLIED
        if type(container) is list:
            key_tag, key_number = Tag.INT, place
    elif place is None:
        changed_by_item(ledger, thread, target, container, key)
    encoder.row(Detail.KEY << 8 | key_tag, 0, key_number)
    encoder.event(probe.head | tag, target.object_id, number)


def _applied_item(
    ledger: Ledger, target: Followed, container: Any, key: Any, value: Any
) -> int | None:
    """Update the shadow at the cost of one item, where the assignment is all that happened.

    A list's place, 0 for a mapping; negative where the item lies behind those that are kept; None where the
    container has to be compared.
    """
    encoder = ledger.encoder
    cls = type(container)
    limit = encoder.limits.items
    if target.stale or target.broken:
        return None
    if cls is list:
        length = list.__len__(container)
        if type(key) is not int or length != target.length or not -length <= key < length:
            return None
        place = key % length
        if place >= limit:
            return -1
        target.items[place] = encoder.item(value)
        return place
    if target.anatomy.shape is Shape.DICT and target.anatomy.plain_setitem:
        if encoder.objects.owner_of(container) is not None:
            return None
        token = key_token(key, encoder.follow)
        length = dict.__len__(container)
        known = target.items.get(token)
        if target.length > limit and length == target.length:
            if known is None:
                return -1
            target.items[token] = (known[0], encoder.item(value))
            return 0
        if length != len(target.items) + (known is None) or length > limit:
            return None
        target.items[token] = (known[0] if known else encoder.item(key), encoder.item(value))
        target.length = length
        return 0
    return None


def changed_by_item(
    ledger: Ledger, thread: ThreadRecord, target: Followed, container: Any, key: Any
) -> None:
    """Compare what `container[key] = value` or `del container[key]` may have changed."""
    encoder = ledger.encoder
    if target.anatomy.shape in an.CONTAINERS:
        rows = _one_key_more_or_less(ledger, target, container, key)
        if rows:
            encoder.changed(target, rows, "item")
            return
        encoder.check(target, "item")
        owner = encoder.objects.owner_of(container)
        if owner is not None and owner is not target:
            encoder.check(owner, "__dict__")
    elif type(container).__name__ == "FrameLocalsProxy":
        _written_through(ledger, thread, container, key)
    elif not _changes_items_seen(ledger, type(container)):
        # A library's `__setitem__` may keep the item anywhere behind the object.
        ledger.checker.walk(container, "item")


def _changes_items_seen(ledger: Ledger, cls: type) -> bool:
    """Whether nothing but instrumented code runs where an item of such an object is set or deleted."""
    found = [an.lookup(cls, name) for name in ("__setitem__", "__delitem__")]
    return all(
        each is an.MISSING
        or (type(each) is types.FunctionType and ledger.is_instrumented(each.__code__))
        for each in found
    )


def _one_key_more_or_less(
    ledger: Ledger, target: Followed, container: Any, key: Any
) -> list[tuple[int, int, int]]:
    """Change rows, and the shadow brought up to date, where a plain dict has just got or lost one key.

    No rows where that is not certain.  A comparison of all items would make loops over large dicts quadratic.
    """
    encoder, rows = ledger.encoder, list[tuple[int, int, int]]()
    shadow, limit = target.items, encoder.limits.items
    if type(container) is not dict or target.stale or target.broken or target.fresh:
        return rows
    if len(shadow) != min(target.length, limit) or encoder.objects.owner_of(container) is not None:
        return rows
    token, length = key_token(key, encoder.follow), len(container)
    if length == target.length + 1 and length > limit and token not in shadow:
        changed_length(encoder, target, length, rows)  # a new key is the last one
    elif length == target.length - 1:
        # The last of the items that are kept: it is another one now if one before it has gone.
        last: tuple[Any, Any] | None = (
            None if length < limit else one_at_once(dict.items, container, limit - 1)
        )
        if token in shadow:
            tag, number = encoder.item_token(shadow.pop(token)[0])
            rows.append((Detail.REMOVE << 8 | tag, target.object_id, number))
            if last is not None and target.length > limit:
                add_entry(encoder, target, *last, rows)
        elif last is None or not same(shadow[next(reversed(shadow))][0], last[0]):
            return rows  # the key is equal to one that is kept, and is another object
        changed_length(encoder, target, length, rows)
    return rows


def _written_through(ledger: Ledger, thread: ThreadRecord, proxy: Any, name: Any) -> None:
    """`frame.f_locals[name] = …` (3.13) stored a variable of the current frame: a store event of its own."""
    top = thread.top()
    if top is None or type(name) is not str:
        return
    frames = [each for each in gc.get_referents(proxy) if type(each) is types.FrameType]
    head = ledger.stores.get((top.code.id, name))
    if frames and ledger.address(frames[0]) == top.address and head is not None:
        tag, number = ledger.value(frames[0].f_locals[name])
        ledger.encoder.drain()
        ledger.encoder.event(head | tag, 0, number)


def delitem(ledger: Ledger, thread: ThreadRecord, probe: Probe, operands: tuple[Any, ...]) -> None:
    """`del container[key]` was done."""
    ledger.settle(ledger.find(thread, probe))
    container, key = operands
    encoder = ledger.encoder
    target = encoder.follow(container)
    key_tag, key_number = encoder.token(key)
    encoder.drain()
    changed_by_item(ledger, thread, target, container, key)
    encoder.row(Detail.KEY << 8 | key_tag, 0, key_number)
    encoder.event(probe.head, target.object_id, 0)


def _with_slice(operands: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    value, container, start, stop = operands
    return value, container, slice(start, stop)
