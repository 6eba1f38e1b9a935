"""The objects that capture follows: their ids, what was last written of them, and when they die.

The reference core cannot hook deallocation.  It holds objects that cannot be weakly referenced, and lets go
of them when nobody else does; until then such an object lives longer than in the unrecorded run.
"""

from __future__ import annotations

import sys
import weakref
from _weakref import getweakrefs
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from escope.engine.capture.anatomy import Anatomy
from escope.engine.capture.core import CORE
from escope.storage.rows import Shape

_HELD_REFERENCES = 2
"""What `sys.getrefcount` says of an object that only its `Followed` refers to."""
_YOUNG_SWEEP = 64
SWEPT_AT_ONCE = 128
"""Objects held for long that one `sweep` looks at."""


Keeper = Callable[[], Any]
"""Gives something as long as what it stands for lives: a weak reference, for one."""


class Followed:
    """One object with an id: what the recording knows of its content (its shadow)."""

    __slots__ = (
        "address",
        "anatomy",
        "attributes",
        "broken",
        "changes",
        "checked_at",
        "fresh",
        "held_dict",
        "items",
        "keepers",
        "length",
        "object_id",
        "round",
        "stale",
        "strong",
        "weak",
    )

    def __init__(self, object_id: int, anatomy: Anatomy, value: Any, weak: Any) -> None:
        self.object_id = object_id
        self.anatomy = anatomy
        self.address = id(value)
        self.strong = value if weak is None else None
        self.weak = weak
        self.items: Any = None
        """Sequences: a list of items; sets: {key token: item}; mappings: {key token: (key item, item)};
        cells: a list of at most one.  An item is an exact scalar or a `Followed`."""
        self.attributes: dict[str, Any] = {}
        self.length = 0
        self.fresh = True
        """Its content has not been written yet."""
        self.changes = 0
        """Change rows since its last OBJECT row."""
        self.checked_at = 0
        self.round = 0
        self.stale = False
        """It carries the label `unobserved`."""
        self.broken = False
        """Writing it was cut short: its shadow cannot be trusted."""
        self.held_dict: int | None = None
        self.keepers: tuple[Keeper, ...] = ()
        """While one of these gives something, unseen code may change this one at any time."""

    def target(self) -> Any:
        """The object, or None if it is gone."""
        return self.strong if self.weak is None else self.weak()

    def let_go(self) -> None:
        """Hold the object no more, in no way; no table that is in use follows it."""
        self.strong = self.weak = None

    def is_of(self, value: Any) -> bool:
        """Whether this is `value`, which is not None."""
        return (self.strong is value) if self.weak is None else (self.weak() is value)


class _Weak(weakref.ref[Any]):
    """A weak reference that knows whose it is."""

    __slots__ = ("followed",)
    followed: Followed


class ObjectTable:
    """`Followed` by object; hands out ids, and notices deaths."""

    def __init__(self, on_death: Callable[[Followed], None]) -> None:
        self._by_address: dict[int, Followed] = {}
        self._anatomies: dict[int, Anatomy] = {}
        self._young: list[Followed] = []
        self._old: list[Followed] = []
        self._cursor = 0
        self._next_id = 1
        self._dead: list[Followed] = []
        self._namespaces: list[Followed] = []
        self._on_death = on_death
        self._by_dict: dict[int, Followed] = {}
        self.lent: dict[int, Followed] = {}
        """By id: objects with keepers that are not distrusted."""

    def anatomy(self, cls: type) -> Anatomy:
        """The anatomy of `cls`; it keeps the class alive, so that its address stays its own."""
        known = self._anatomies.get(id(cls))
        if known is None:
            known = self._anatomies[id(cls)] = Anatomy(cls)
        return known

    def anatomies(self) -> list[Anatomy]:
        """Those of all classes that were asked for."""
        return list(self._anatomies.values())

    def get(self, value: Any) -> Followed | None:
        """The `Followed` of `value`, if it has one."""
        known = self._by_address.get(id(value))
        if known is not None:
            if known.is_of(value):
                return known
            # The address was reused before the death was noticed.
            self._end(known)
        return None

    def add(self, value: Any, anatomy: Anatomy) -> Followed:
        """Follow `value` from now on, under a new id."""
        weak = _Weak(value, self._collect) if anatomy.weakly else None
        followed = Followed(self._next_id, anatomy, value, weak)
        self._next_id += 1
        self._by_address[id(value)] = followed
        if anatomy.shape is Shape.NAMESPACE:
            self._namespaces.append(followed)
        if weak is None:
            self._young.append(followed)
        else:
            weak.followed = followed
        return followed

    def _collect(self, weak: Any) -> None:
        # Called while the object is torn down, at any time: only note it.
        self._dead.append(weak.followed)

    def _end(self, followed: Followed) -> None:
        if self._by_address.get(followed.address) is followed:
            del self._by_address[followed.address]
        if followed.held_dict is not None and self._by_dict.get(followed.held_dict) is followed:
            del self._by_dict[followed.held_dict]
        if followed.anatomy.shape is Shape.NAMESPACE and followed in self._namespaces:
            self._namespaces.remove(followed)
        if followed.object_id:
            self._on_death(followed)
            self.lent.pop(followed.object_id, None)
            followed.object_id = 0
        followed.strong = None

    def owner_of(self, held: Any) -> Followed | None:
        """Whose attributes the dict `held` holds, if an instance's that is followed."""
        owner = self._by_dict.get(id(held))
        return owner if owner is not None and owner.target() is not None else None

    def holds(self, followed: Followed, held: Any) -> None:
        """Note that the instance dict `held` holds the attributes of `followed`."""
        if followed.held_dict != id(held):
            if followed.held_dict is not None:
                self._by_dict.pop(followed.held_dict, None)
            followed.held_dict = id(held)
            self._by_dict[id(held)] = followed

    def is_held(self, followed: Followed, held: Any) -> bool:
        """Whether `held` is the instance dict that was noted for `followed`."""
        return followed.held_dict == id(held)

    def followed(self) -> list[Followed]:
        """All objects that are followed."""
        return list(self._by_address.values())

    def namespaces(self) -> list[Followed]:
        """The globals of the modules that are recorded."""
        return self._namespaces

    def behind_proxy(self, proxy: Any) -> Followed | None:
        """What a weak proxy stands for, if it is followed: only its target's own list tells."""
        for known in self.followed():
            if known.weak is not None:
                target = known.weak()
                if target is not None and any(ref is proxy for ref in getweakrefs(target)):
                    return known
        return None

    def sweep(self) -> None:
        """Let go of objects that only this table keeps alive; a slice of the old ones each time."""
        while self._dead:
            self._end(self._dead.pop())
        if len(self._young) >= _YOUNG_SWEEP:
            young, self._young = self._young, []
            self._old.extend(self._survivors(young))
        count = len(self._old)
        if count:
            start = self._cursor if self._cursor < count else 0
            part = self._old[start : start + SWEPT_AT_ONCE]
            kept = self._survivors(part)
            self._old[start : start + SWEPT_AT_ONCE] = kept
            self._cursor = start + len(kept)

    def _survivors(self, candidates: list[Followed]) -> list[Followed]:
        kept = []
        for followed in candidates:
            if not followed.object_id:
                continue
            if sys.getrefcount(followed.strong) <= _HELD_REFERENCES:
                self._end(followed)
            else:
                kept.append(followed)
        return kept


ReferenceTable = ObjectTable

if not TYPE_CHECKING and CORE == "c":
    from escope.engine.capture import _probes

    Followed, ObjectTable = _probes.Followed, _probes.ObjectTable
