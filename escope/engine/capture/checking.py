"""When contents are compared with their shadows, and how much that may cost.

A check costs in proportion to the object's length.  Each object earns credit with every event recorded; where
the credit does not cover a check that is needed, the object carries the label `unobserved` until it does.
"""

from __future__ import annotations

import gc
import sys
import types
import weakref
from collections import deque
from itertools import islice
from typing import Any

from escope.engine.capture import anatomy as an
from escope.engine.capture import calls
from escope.engine.capture.changes import Rows, add_entry, changed_length
from escope.engine.capture.differences import key_token
from escope.engine.capture.encoder import Encoder
from escope.engine.capture.frames import FrameRecord, Suspect
from escope.engine.capture.objects import Followed, Keeper
from escope.storage.rows import Detail, Shape

_SMALL = 64
_CREDIT_BASE = 20_000
_CREDIT_PER_EVENT = 100
_WALK_CREDIT = 50_000
_WALK_PER_EVENT = 60
_WALK_STRANGE = 200
_STRANGE_DEPTH = 4
_LENT_AT_ONCE = 1_000


class Checker:
    """Decides what to compare; the `Encoder` compares and writes."""

    def __init__(self, encoder: Encoder, instrumented: calls.InstrumentedTest) -> None:
        self.encoder = encoder
        self._instrumented = instrumented
        self._credit = _WALK_CREDIT
        """What walks may still cost, in items looked at; it grows with the events recorded."""
        self._walked_at = 0
        self._lent_credit = _WALK_CREDIT
        """The same for what unseen code keeps."""
        self._looked_at = 0

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
        if frame.counted and not keep:
            counted, frame.counted = frame.counted, []
            for value, before in counted:
                # Held by its suspects, the list, `value` and the call that counts.
                own = sum(each[0] is value for each in pending) + 3
                known = self.encoder.objects.get(value)
                if known is not None and sys.getrefcount(value) - own > before:
                    self._lend_all(known, _forever)

    def _suspect(self, suspect: Suspect) -> None:
        value, deep, operation, arguments = suspect
        encoder = self.encoder
        known = encoder.objects.get(value)
        owner = encoder.objects.owner_of(value)
        if owner is not None and owner is not known:
            self._needed(owner, operation)
        if deep:
            self.walk(value, operation)
        elif known is not None and not known.fresh:
            try:
                written = self._by_hint(known, value, operation, arguments)
            except BaseException:
                # Its shadow may be ahead of its rows: it is written anew.
                known.broken = True
                raise
            if not written:
                self._needed(known, operation)

    def _needed(self, followed: Followed, operation: str) -> None:
        if followed.length <= _SMALL or self._affordable(followed):
            self.encoder.check(followed, operation)
        else:
            self.encoder.distrust(followed)

    def _affordable(self, followed: Followed) -> bool:
        earned = (self.encoder.events - followed.checked_at) * _CREDIT_PER_EVENT
        return followed.length <= _CREDIT_BASE // 2 + earned

    def walk(self, start: Any, operation: str) -> None:
        """Check everything that is reachable, within a bound; beyond it, distrust.

        Through objects that are recorded the way leads over their recorded content, through others
        (iterators, bound methods, partials, library objects) a few steps over what they hold.
        """
        encoder = self.encoder
        table = encoder.objects
        number = encoder.begin_round()
        self._earn()
        strange = _WALK_STRANGE
        queue: list[tuple[Any, int]] = [(start, 0)]
        seen: set[int] = set()
        while queue:
            value, depth = queue.pop()
            followed = value if type(value) is Followed else table.get(value)
            if followed is not None and followed.round == number:
                continue
            if followed is None or followed.anatomy.shape in an.IMMUTABLE:
                if followed is not None:
                    followed.round = number
                    value = followed.target()
                self._lend_behind(value)
                if value is not start and leads_nowhere(type(value)):
                    continue
                if value is not None and depth < _STRANGE_DEPTH and strange > 0:
                    strange -= 1
                    queue += ((each, depth + 1) for each in _held(value, seen))
                continue
            followed.round = number
            if followed.fresh or not followed.object_id:
                continue
            if self._credit <= 0:
                # What lies behind an object that is distrusted already was distrusted with it.
                if not followed.stale:
                    encoder.distrust(followed)
                    queue += ((each, 0) for each in children_of(followed))
                continue
            self._credit -= 2 + followed.length + len(followed.attributes)
            self._needed(followed, operation)
            queue += ((each, 0) for each in children_of(followed))

    # Lent objects

    def look_after(self) -> None:
        """Check the objects that unseen code keeps, as long as credit lasts; distrust the rest."""
        encoder = self.encoder
        lent = encoder.objects.lent
        earned = (encoder.events - self._looked_at) * _WALK_PER_EVENT
        self._lent_credit = min(_WALK_CREDIT, self._lent_credit + earned)
        self._looked_at = encoder.events
        for followed in list(lent.values()):
            followed.keepers = tuple(keeper for keeper in followed.keepers if keeper() is not None)
            cost = 2 + followed.length + len(followed.attributes)
            if not followed.object_id:
                continue  # it ended while another was compared
            if not followed.keepers or cost > self._lent_credit:
                lent.pop(followed.object_id, None)
            if cost > self._lent_credit:
                encoder.distrust(followed)
            else:
                self._lent_credit -= cost
                encoder.check(followed, "unseen")

    def _earn(self) -> None:
        earned = (self.encoder.events - self._walked_at) * _WALK_PER_EVENT
        self._credit = min(_WALK_CREDIT, self._credit + earned)
        self._walked_at = self.encoder.events

    def _lend_behind(self, value: Any) -> None:
        """Lend what the callable `value`, in the hands of unseen code, can change by itself."""
        cls = type(value)
        if cls is types.BuiltinFunctionType or cls is types.MethodWrapperType:
            owner = value.__self__
            if calls.changes_owner(owner, value.__name__):
                keeper = weakref.ref(value) if cls is types.BuiltinFunctionType else _forever
                self._lend(self.encoder.follow(owner), keeper)
        elif cls is types.MethodType and not calls.runs_seen_code(value, self._instrumented):
            known = self.encoder.objects.get(value.__self__)
            if known is not None:
                self._lend_all(known, weakref.ref(value))

    def _lend_all(self, start: Followed, keeper: Keeper) -> None:
        found, queue = {start}, [start]
        while queue and len(found) < _LENT_AT_ONCE:
            for child in children_of(queue.pop()):
                if child not in found:
                    found.add(child)
                    queue.append(child)
        for followed in found:
            self._lend(followed, keeper)

    def _lend(self, followed: Followed, keeper: Keeper) -> None:
        if followed.anatomy.constant or keeper in followed.keepers:
            return
        followed.keepers += (keeper,)
        if not followed.stale:
            self.encoder.objects.lent[followed.object_id] = followed

    def _by_hint(
        self, followed: Followed, value: Any, operation: str, arguments: tuple[Any, ...]
    ) -> bool:
        """Write the change of a known mutator of an exact builtin type, at the cost of the change."""
        if followed.stale or followed.broken:
            return False
        cls = type(value)
        encoder, oid, shadow = self.encoder, followed.object_id, followed.items
        limit = encoder.limits.items
        if cls is list or cls is deque:
            length = cls.__len__(value)
            if followed.length > limit or length > limit:
                return self._beyond(followed, length, operation, arguments)
            at_left = cls is deque and operation in ("appendleft", "popleft")
            if operation in ("append", "appendleft") and length == followed.length + 1:
                if len(arguments) != 1:
                    return False
                item = encoder.item(arguments[0])
                place = 0 if at_left else length - 1
                shadow.insert(place, item)
                followed.length = length
                encoder.changed(followed, encoder.splice_rows(oid, place, 0, [item]), operation)
                return True
            if operation in ("pop", "popleft") and length == followed.length - 1 and not arguments:
                place = 0 if at_left else length
                del shadow[place]
                followed.length = length
                encoder.changed(followed, encoder.splice_rows(oid, place, 1, ()), operation)
                return True
            return False
        if cls is dict and followed.anatomy.shape is Shape.DICT:
            return self._by_key(followed, value, operation, arguments)
        if followed.length >= limit:
            return False
        if cls is set and operation == "add" and set.__len__(value) == followed.length + 1:
            if len(arguments) != 1 or not an.is_scalar(arguments[0]):
                return False
            item = arguments[0]
            shadow[key_token(item, encoder.follow)] = item
            followed.length += 1
            tag, number = encoder.token(item)
            encoder.changed(followed, [(Detail.ITEM << 8 | tag, oid, number)], operation)
            return True
        return False

    def _by_key(
        self, followed: Followed, value: dict[Any, Any], operation: str, arguments: tuple[Any, ...]
    ) -> bool:
        """The same for a dict and a scalar key: whether it is there is known from what was recorded."""
        encoder, oid, shadow = self.encoder, followed.object_id, followed.items
        length, before = dict.__len__(value), followed.length
        if max(length, before) > encoder.limits.items or len(shadow) != before:
            return False
        rows: Rows = []
        if operation == "popitem" and not arguments and length == before - 1:
            token = next(reversed(shadow))
        elif (
            operation not in ("setdefault", "pop")
            or not arguments
            or not an.is_scalar(arguments[0])
        ):
            return False
        else:
            token = key_token(arguments[0], encoder.follow)
            if length == before:
                return (token in shadow) == (operation == "setdefault")
        if operation == "setdefault" and length == before + 1 and token not in shadow:
            # A new key is the last one; to look it up could run code of another key's class.
            key, item = next(reversed(dict.items(value)))
            if key_token(key, encoder.follow) != token:
                return False
            add_entry(encoder, followed, key, item, rows)
        elif operation != "setdefault" and length == before - 1 and token in shadow:
            tag, number = encoder.item_token(shadow.pop(token)[0])
            rows.append((Detail.REMOVE << 8 | tag, oid, number))
        else:
            return False
        followed.length = length
        encoder.changed(followed, rows, operation)
        return True

    def _beyond(
        self, followed: Followed, length: int, operation: str, arguments: tuple[Any, ...]
    ) -> bool:
        """The same behind the items that are kept, where only the length shows."""
        limit = self.encoder.limits.items
        grew = operation == "append" and length == followed.length + 1
        shrank = operation == "pop" and not arguments and length == followed.length - 1
        if not (grew or shrank) or min(length, followed.length) < limit:
            return False
        rows: Rows = []
        changed_length(self.encoder, followed, length, rows)
        self.encoder.changed(followed, rows, operation)
        return True


def _forever() -> bool:
    """Stands for a keeper whose end cannot be known."""
    return True


_DEAD_ENDS = frozenset(
    map(id, (types.ModuleType, types.CodeType, types.FrameType, types.GetSetDescriptorType, type))
)
_EVENT_LOOP = "asyncio.events.AbstractEventLoop"
_NOWHERE: dict[int, tuple[type, bool]] = {}


def leads_nowhere(cls: type) -> bool:
    """Whether a walk that comes to an object of this type goes no further.

    An event loop knows all that waits to be called, of which the call that the walk is made for changes nothing.
    """
    known = _NOWHERE.get(id(cls))
    if known is None:
        mro = an.type_mro(cls)
        found = id(cls) in _DEAD_ENDS or an.has_base(mro, type)
        found = found or any(an.type_name(base) == _EVENT_LOOP for base in mro)
        known = _NOWHERE[id(cls)] = (cls, found)
    return known[1]


def forget_classes() -> None:
    """Keep no class alive any more."""
    _NOWHERE.clear()


def _held(value: Any, seen: set[int]) -> list[Any]:
    """What an object refers to, as the garbage collector sees it, which runs no code of anybody."""
    cls = type(value)
    if id(cls) in an.SCALAR_IDS or id(cls) in _DEAD_ENDS or id(value) in seen:
        return []
    if an.has_base(an.type_mro(cls), type):
        return []
    seen.add(id(value))
    if cls is types.FunctionType:
        return list(value.__closure__ or ())
    if cls is memoryview:
        try:
            return [value.obj]
        except ValueError:
            return []  # released
    if cls is dict and "__builtins__" in value:
        return []
    held = (each for each in gc.get_referents(value) if not an.is_scalar(each))
    return [*islice((each for each in held if not leads_nowhere(type(each))), _SMALL)]


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
