"""When contents are compared with their shadows, and how much that may cost.

A check costs in proportion to the object's length.  Each object earns credit with every event recorded; where
the credit does not cover a check that is needed, the object carries the label `unobserved` until it does.
"""

from __future__ import annotations

from typing import Any

from escope.engine.capture import anatomy as an
from escope.engine.capture.differences import key_token
from escope.engine.capture.encoder import Encoder
from escope.engine.capture.frames import FrameRecord, Suspect
from escope.engine.capture.objects import Followed
from escope.storage.rows import Detail, Shape

_SMALL = 64
_CREDIT_BASE = 20_000
_CREDIT_PER_EVENT = 100
_WALK_OBJECTS = 5_000
_WALK_ITEMS = 100_000


class Checker:
    """Decides what to compare; the `Encoder` compares and writes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def passed(self, followed: Followed) -> None:
        """An object was stored, passed or returned: check it where that is cheap.

        Changes by unseen code are caught where that code is called; this is the net beneath.
        """
        if followed.fresh or followed.anatomy.shape in an.IMMUTABLE:
            return
        if followed.length <= _SMALL or followed.stale or self._affordable(followed):
            self.encoder.check(followed, "unseen")

    def settle(self, frame: FrameRecord, keep: bool = False) -> None:
        """Check what unseen code called from `frame` may have changed."""
        pending = frame.pending
        if not keep:
            frame.pending = []
        for suspect in pending:
            self._suspect(suspect)

    def _suspect(self, suspect: Suspect) -> None:
        value, deep, operation, arguments = suspect
        encoder = self.encoder
        known = encoder.objects.get(value)
        owner = encoder.objects.by_dict.get(id(value))
        if owner is not None and owner is not known:
            self._needed(owner, operation)
        if known is None:
            if deep:
                self._walk_unknown(value, operation)
            return
        if known.fresh:
            return
        if not deep:
            if not self._by_hint(known, value, operation, arguments):
                self._needed(known, operation)
            return
        self._walk([known], operation)

    def _needed(self, followed: Followed, operation: str) -> None:
        if followed.length <= _SMALL or self._affordable(followed):
            self.encoder.check(followed, operation)
        else:
            self.encoder.distrust(followed)

    def _affordable(self, followed: Followed) -> bool:
        earned = (self.encoder.events - followed.checked_at) * _CREDIT_PER_EVENT
        return followed.length <= _CREDIT_BASE // 2 + earned

    def _walk_unknown(self, value: Any, operation: str) -> None:
        # A bound method, partial, iterator or tuple nobody recorded: look one step through it.
        anatomy = self.encoder.objects.anatomy(type(value))
        if anatomy.shape is Shape.TUPLE:
            children = list(tuple.__iter__(value))
        elif anatomy.shape is Shape.DICT:
            children = list(dict.values(value))
        elif anatomy.shape is Shape.LIST:
            children = list(list.__iter__(value))
        elif hasattr(type(value), "__self__") and anatomy.shape is Shape.NAMED:
            children = [value.__self__]
        else:
            return
        known = [self.encoder.objects.get(child) for child in children[:_SMALL]]
        self._walk([each for each in known if each is not None], operation)

    def _walk(self, starts: list[Followed], operation: str) -> None:
        """Check everything that is reachable, within a bound; beyond it, distrust."""
        encoder = self.encoder
        number = encoder.begin_round()
        queue = list(starts)
        objects, items = _WALK_OBJECTS, _WALK_ITEMS
        while queue:
            followed = queue.pop()
            if followed.round == number or not followed.object_id:
                continue
            followed.round = number
            if followed.fresh or followed.anatomy.shape in an.IMMUTABLE:
                continue
            if objects <= 0 or items <= 0:
                encoder.distrust(followed)
                continue
            objects -= 1
            items -= followed.length
            self._needed(followed, operation)
            queue.extend(children_of(followed))

    def _by_hint(
        self, followed: Followed, value: Any, operation: str, arguments: tuple[Any, ...]
    ) -> bool:
        """Write the change of a known mutator of an exact builtin type, at the cost of the change."""
        if followed.stale or followed.length > self.encoder.limits.items:
            return False
        cls = type(value)
        encoder, oid, shadow = self.encoder, followed.object_id, followed.items
        if cls is list or followed.anatomy.shape is Shape.DEQUE:
            length = list.__len__(value) if cls is list else type(value).__len__(value)
            if operation == "append" and length == followed.length + 1 <= encoder.limits.items:
                if len(arguments) != 1:
                    return False
                item = encoder.item(arguments[0])
                shadow.append(item)
                followed.length = length
                encoder.changed(
                    followed, encoder.splice_rows(oid, length - 1, 0, [item]), operation
                )
                return True
            if operation == "pop" and not arguments and length == followed.length - 1:
                shadow.pop()
                followed.length = length
                encoder.changed(followed, encoder.splice_rows(oid, length, 1, ()), operation)
                return True
            return False
        if cls is set and operation == "add" and set.__len__(value) == followed.length + 1:
            if len(arguments) != 1 or type(arguments[0]) not in an.SCALAR_TYPES:
                return False
            item = arguments[0]
            shadow[key_token(item, encoder.follow)] = item
            followed.length += 1
            tag, number = encoder.token(item)
            encoder.changed(followed, [(Detail.ITEM << 8 | tag, oid, number)], operation)
            return True
        return False


def children_of(followed: Followed) -> list[Followed]:
    """The followed objects that an object's shadow refers to."""
    items = followed.items
    found: list[Any]
    if items is None:
        found = []
    elif type(items) is list:
        found = items
    elif followed.anatomy.shape in an.MAPPINGS:
        found = [each for pair in items.values() for each in pair]
    elif type(items) is dict:
        found = list(items.values())
    else:
        found = []
    children = [each for each in found if type(each) is Followed]
    children.extend(each for each in followed.attributes.values() if type(each) is Followed)
    return children
