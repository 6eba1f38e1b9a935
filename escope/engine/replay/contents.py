"""Contents of objects at any place of the recording, by the newest keyframe and the changes after it.

Costs are bounded by keyframes (which capture and the collector write) and by a cache of contents.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from escope.engine.replay.changes import BlockChanges, Record
from escope.engine.replay.content import SEQUENCES, Content, Names, attribute_name
from escope.engine.replay.scalars import Raw, Scalars, label_of
from escope.errors import RecordingError
from escope.events import Kind, Label
from escope.storage.rows import FIRST_SITELESS, TAG_MASK, Detail, Shape, Tag

if TYPE_CHECKING:
    from escope.storage.store import Block, Store

_CACHED_ITEMS = 4_000_000
_CACHED_BLOCKS = 64
_CACHED_KEYS = 200_000
_DEEPEST_KEY = 50
_HEAVIEST_KEY = 100_000


class Place(NamedTuple):
    """A place between rows: after the first `limit` rows of a block."""

    block: int
    limit: int


class Contents:
    """Rebuilds contents from the store; safe for several threads."""

    def __init__(self, store: Store, scalars: Scalars) -> None:
        self._store = store
        self._scalars = scalars
        self._lock = threading.RLock()
        self._blocks: OrderedDict[tuple[int, int], BlockChanges] = OrderedDict()
        self._cache: OrderedDict[tuple[int, int, int], Content | None] = OrderedDict()
        self._newest: dict[tuple[int, int], int] = {}
        self._cached_items = 0
        self._keys: dict[int, tuple[Hashable, int]] = {}
        self._resolving: set[int] = set()
        """Objects whose canonical keys are being made."""

    def at(self, object_id: int, place: Place) -> Content | None:
        """The object's content at `place`; None where nothing was recorded of it.

        The result must not be changed.  Raises RecordingError for damaged rows.
        """
        with self._lock:
            try:
                changes = self.changes(place.block)
                rows = changes.of(object_id)
                count = int(np.searchsorted(rows, place.limit))
                if count == 0:
                    return self._at_end(object_id, place.block - 1)
                return self._within(object_id, place.block, changes, rows, count)
            except RecursionError:
                raise RecordingError(
                    f"the recording is damaged: object {object_id} is nested too deeply"
                ) from None

    def changes(self, number: int) -> BlockChanges:
        """The change rows of a block."""
        block = self._store.block(number)
        key = (number, len(block.rows))
        found = self._blocks.get(key)
        if found is None:
            found = self._blocks[key] = BlockChanges(block, Before(self._store, block))
            if len(self._blocks) > _CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(key)
        return found

    def apply(
        self,
        content: Content | None,
        number: int,
        changes: BlockChanges,
        rows: NDArray[np.int64],
    ) -> Content | None:
        """Apply change rows of one object, in order; returns its content, which may be a new one."""
        return self.apply_records(content, number, changes, changes.records(rows))

    def apply_records(
        self,
        content: Content | None,
        number: int,
        changes: BlockChanges,
        records: list[Record],
    ) -> Content | None:
        """The same for rows that were read from the block before."""
        applied = Applier(self, number, changes)
        for row, site, tag, aux, value, kind, key_row in records:
            raw = (tag & TAG_MASK, value)
            if site == Detail.OBJECT:
                content = Content(aux, self._store.type(aux).shape, label_of(tag & TAG_MASK))
                continue
            if content is None:
                # Its beginning was not recorded, so what it holds besides this change is unknown.
                continue
            if site == Detail.ITEM and content.shape in SEQUENCES and content.shape != Shape.CELL:
                content.items.append(raw)
                continue
            key: Raw = (0, 0)
            if key_row >= 0:
                key = (int(changes.tag[key_row]) & TAG_MASK, int(changes.value[key_row]))
            applied.row = row
            if site < FIRST_SITELESS:
                content.apply_detail(site, raw, key, applied.names)
            else:
                content.apply_event(kind, raw, key, self._store.site(site).name, applied.names)
        return content

    def canonical(self, raw: Raw, place: Place, depth: int = 0) -> Hashable:
        """The canonical key of a value: equal for values that are one key of a dict."""
        tag, value = raw
        if tag != Tag.OBJECT:
            if tag in (Tag.NOTHING, Tag.LABEL):
                return ("unknown", tag, value)
            if self._scalars.label(raw) is Label.TRUNCATED:
                return ("truncated", tag, value)
            scalar = self._scalars.python(raw)
            if scalar != scalar:
                return ("nan", value)
            return scalar  # type: ignore[no-any-return]
        return self._key_of(value, place, depth)[0]

    def _key_of(self, object_id: int, place: Place, depth: int) -> tuple[Hashable, int]:
        """The canonical key of an object, and how much work hashing it is.

        A tuple that holds one tuple twice, and that another twice, is exponential: such a key, which no
        program can have, is taken by its identity.
        """
        found = self._keys.get(object_id)
        if found is not None:
            return found
        key: Hashable = ("object", object_id)
        weight = 1
        if depth >= _DEEPEST_KEY or object_id in self._resolving:
            return key, weight
        # What a damaged recording says to contain itself.
        self._resolving.add(object_id)
        try:
            return self._resolved(object_id, place, depth, key)
        finally:
            self._resolving.discard(object_id)

    def _resolved(
        self, object_id: int, place: Place, depth: int, key: Hashable
    ) -> tuple[Hashable, int]:
        weight = 1
        content = self.at(object_id, place)
        if content is None or not content.known:
            return key, weight
        if content.shape is Shape.TUPLE:
            parts: list[Hashable] = []
            for item in content.items:
                if item[0] == Tag.OBJECT:
                    part, more = self._key_of(item[1], place, depth + 1)
                else:
                    part, more = self.canonical(item, place), 1
                parts.append(part)
                weight += more
            if weight <= _HEAVIEST_KEY:
                key = ("tuple", *parts)
        elif content.shape is Shape.FROZENSET:
            key = ("set", frozenset(content.entries))
        weight = min(weight, _HEAVIEST_KEY) if key[0] == "tuple" else 1  # type: ignore[index]
        if len(self._keys) >= _CACHED_KEYS:
            self._keys.clear()
        self._keys[object_id] = (key, weight)
        return key, weight

    def _within(
        self,
        object_id: int,
        number: int,
        changes: BlockChanges,
        rows: NDArray[np.int64],
        count: int,
    ) -> Content | None:
        """Content after the first `count` of the block's `rows` that change the object."""
        cached = self._get((object_id, number, count))
        if not isinstance(cached, Missing):
            return cached
        keyframes = np.nonzero(changes.site[rows[:count]] == Detail.OBJECT)[0]
        first = int(keyframes[-1]) if len(keyframes) else 0
        near = self._newest.get((object_id, number), 0)
        base: Content | None = None
        if first < near < count:
            earlier = self._get((object_id, number, near))
            if not isinstance(earlier, Missing):
                base, first = earlier, near
        if base is None and not len(keyframes):
            base, first = self._at_end(object_id, number - 1), 0
        content = self.apply(
            None if base is None else base.copy(), number, changes, rows[first:count]
        )
        self._put((object_id, number, count), content)
        return content

    def _at_end(self, object_id: int, last: int) -> Content | None:
        """Content at the end of block `last`."""
        if last < 0:
            return None
        path: list[int] = []
        for number, keyframe in self._store.object_blocks(object_id, last):
            path.append(number)
            if keyframe or (object_id, number, -1) in self._cache:
                break
        content: Content | None = None
        shared = False
        for step, number in enumerate(reversed(path)):
            key = (object_id, number, -1)
            cached = self._get(key)
            if not isinstance(cached, Missing):
                content, shared = cached, True
                continue
            changes = self.changes(number)
            rows = changes.of(object_id)
            keyframes = np.nonzero(changes.site[rows] == Detail.OBJECT)[0]
            if len(keyframes):
                content, rows = None, rows[keyframes[-1] :]
            elif content is not None and shared:
                content = content.copy()
            content = self.apply(content, number, changes, rows)
            shared = False
            # Every content on a long path would cost as much as the path; every few are enough to go on from.
            if step == len(path) - 1 or step % 64 == 63:
                self._put(key, content)
                shared = True
        return content

    def _get(self, key: tuple[int, int, int]) -> Content | Missing | None:
        if key not in self._cache:
            return MISSING
        self._cache.move_to_end(key)
        return self._cache[key]

    def _put(self, key: tuple[int, int, int], content: Content | None) -> None:
        self._cache[key] = content
        self._cached_items += _cost(content)
        if key[2] >= 0:
            self._newest[key[:2]] = key[2]
        while self._cached_items > _CACHED_ITEMS and len(self._cache) > 1:
            old, dropped = self._cache.popitem(last=False)
            self._cached_items -= _cost(dropped)
            if self._newest.get(old[:2]) == old[2]:
                del self._newest[old[:2]]


class Before:
    """Where frames were last seen before a block."""

    __slots__ = ("_block", "_store")

    def __init__(self, store: Store, block: Block) -> None:
        self._store = store
        self._block = block

    def __call__(self, frame: int) -> int:
        """The site of the frame's newest line, or of its call; 0 where it is not known."""
        for stack in self._block.checkpoint.stacks.values():
            for entry in stack[stack["frame"] == frame].tolist():
                return int(entry[4]) or self._call(int(entry[3]))
        found = self._store.frame_entry(frame, self._block.number)
        return 0 if found is None else int(found.line) or self._call(int(found.code))

    def _call(self, code: int) -> int:
        info = self._store.codes.get(code)
        if info is None:
            return 0
        sites = np.arange(info.first_site, info.end_site)
        calls = sites[np.asarray(self._store.site_kind)[sites] == Kind.CALL]
        return int(calls[0]) if len(calls) else 0


class Missing:
    """Marks what is not in the cache, where None is an answer."""


MISSING = Missing()


class Applier:
    """Names for the row that is being applied.

    A tuple that is a key is resolved at the end of the row's event: the tuple's own content, where it is
    met for the first time, is written behind the content of the dict.
    """

    __slots__ = ("_changes", "_contents", "_number", "names", "row")

    def __init__(self, contents: Contents, number: int, changes: BlockChanges) -> None:
        self.row = 0
        self._contents = contents
        self._number = number
        self._changes = changes
        scalars = contents._scalars
        self.names = Names(self._canonical, lambda raw: attribute_name(scalars, raw))

    def _canonical(self, raw: Raw) -> Hashable:
        limit = self._changes.event_end(self.row) if raw[0] == Tag.OBJECT else self.row
        return self._contents.canonical(raw, Place(self._number, limit))


def _cost(content: Content | None) -> int:
    return 20 if content is None else 20 + content.size + len(content.attributes)
