"""One predicate over one block: a line moment that nothing it looks at changed before is not evaluated."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from escope.engine.predicate import ABSENT
from escope.engine.replay.changes import OWNED
from escope.engine.replay.content import Content
from escope.engine.replay.contents import Place
from escope.engine.replay.scalars import NOTHING, Raw
from escope.engine.replay.scope import adapt, hides_globals
from escope.events import Kind
from escope.storage.rows import NO_SLOT, TAG_MASK, Detail, Shape, Tag

if TYPE_CHECKING:
    from escope.engine.predicate import Predicate
    from escope.engine.replay.changes import BlockChanges, Record
    from escope.engine.replay.recording import Recording
    from escope.storage.store import Block, CodeInfo

_OWNED = (int(Kind.STORE), int(Kind.DELETE))
_SHARED = 1 << 62
"""Groups from here on are modules: frames of code that has none of the names as variables of its own."""


class Names:
    """What a predicate's names are in each code object, as arrays over sites."""

    def __init__(self, recording: Recording, predicate: Predicate) -> None:
        store = recording.store
        self.slots: dict[int, dict[str, int]] = {}
        """Code object to the slots of those names that are variables of its own."""
        modules: dict[str, int] = {}
        size = max(store.codes, default=0) + 1
        self.shared = np.zeros(size, dtype=np.int64)
        """Code object to the group of its module, 0 where it has names of its own."""
        bound: list[int] = []
        for number, code in store.codes.items():
            own = {
                name: slot for slot, name in enumerate(code.variables) if name in predicate.names
            }
            self.slots[number] = own
            bound += [number << 32 | slot for slot in (*own.values(), NO_SLOT)]
            body = code.flags.get("body", "function")
            if not own and body == "function":
                self.shared[number] = _SHARED + modules.setdefault(code.module, len(modules))
        self.bound = np.array(sorted(bound), dtype=np.int64)
        """Pairs of code object and slot that BIND rows may set."""
        touched = np.zeros(len(store.site_kind), dtype=bool)
        for kind in _OWNED:
            for site in np.nonzero(store.site_kind == kind)[0].tolist():
                touched[site] = store.site(site).name in predicate.names
        self.touched = touched
        """Sites that store or delete one of the names."""


@dataclass(slots=True)
class Followed:
    """An object that the evaluation looked into: its content after the first `count` of its rows."""

    content: Content | None
    rows: list[int]
    count: int
    records: list[Record] | None = None
    """Read when the content changes first; from then on the content is nobody else's."""


class BlockScan:
    """One predicate over the line moments of one block.  Is itself the view that handles read from."""

    def __init__(
        self,
        recording: Recording,
        predicate: Predicate,
        names: Names,
        block: Block,
        changes: BlockChanges,
    ) -> None:
        self.store = recording.store
        self.scalars = recording.scalars
        self._recording = recording
        self._predicate = predicate
        self._names = names
        self._block = block
        self._changes = changes
        self._followed: dict[int, Followed] = {}
        self._tables: dict[int, dict[int, Raw]] = {}
        self._row = 0
        self._frame = 0
        self._code: CodeInfo | None = None
        self._slots: dict[str, int] = {}
        self._owning = OWNED[block.kind]
        # Sites below FIRST_SITE are never touched, so that the clipping does no harm.
        self._stores = self._owning & names.touched[np.minimum(block.site, len(names.touched) - 1)]
        self._own = self._stores & (block.rows["aux"] == 0)
        self._changed = self._slot_changes()

    def run(self, lines: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the predicate is true at each of the line rows."""
        block, names = self._block, self._names
        codes = self.store.site_code[block.site[lines]]
        shared = names.shared[codes]
        groups = np.where(shared != 0, shared, block.frame[lines].astype(np.int64))
        truth = np.zeros(len(lines), dtype=bool)
        looks = list(zip(lines.tolist(), block.frame[lines].tolist(), codes.tolist(), strict=True))
        holds = self._predicate.holds
        done = 0
        while done < len(lines):
            epochs = np.cumsum(self._dirty())[lines[done:]]
            order = np.lexsort((epochs, groups[done:]))
            ordered_groups, ordered_epochs = groups[done:][order], epochs[order]
            fresh = np.r_[
                True,
                (ordered_groups[1:] != ordered_groups[:-1])
                | (ordered_epochs[1:] != ordered_epochs[:-1]),
            ]
            # lexsort is stable, so the first of equal pairs is the earliest row.
            firsts = order[fresh]
            which = np.empty(len(order), dtype=np.int64)
            which[order] = np.cumsum(fresh) - 1
            answers = np.zeros(len(firsts), dtype=bool)
            stop = len(lines) - done
            known = len(self._followed)
            in_order = np.argsort(firsts)
            for pair, place in zip(in_order.tolist(), firsts[in_order].tolist(), strict=True):
                self._look(*looks[done + place])
                answers[pair] = holds(self)
                if len(self._followed) > known:
                    # It looked into more objects: from here on their changes count, too.
                    stop = place + 1
                    break
            truth[done : done + stop] = answers[which[:stop]]
            done += stop
        return truth

    def lookup(self, name: str) -> Any:
        """The value of a name in the frame that is looked at."""
        code = self._code
        assert code is not None
        slot = self._slots.get(name)
        raw = NOTHING
        if slot is not None:
            raw = self._slot(slot)
            if raw[0] == Tag.OBJECT and slot in code.cells:
                cell = self.content(raw[1])
                if cell is not None and cell.shape is Shape.CELL:
                    raw = cell.items[-1] if cell.items else NOTHING
        if raw[0] == Tag.NOTHING and not hides_globals(code, name):
            raw = self._global(name)
        return ABSENT if raw[0] == Tag.NOTHING else adapt(self, raw)

    def content(self, object_id: int) -> Content | None:
        """The object's content at the row that is looked at; it is followed from then on."""
        found = self._followed.get(object_id)
        if found is None:
            place = Place(self._block.number, self._row)
            content = self._recording.contents.at(object_id, place)
            rows = self._changes.of(object_id).tolist()
            self._followed[object_id] = Followed(content, rows, bisect_left(rows, self._row))
            return content
        rows = found.rows
        if found.count == len(rows) or rows[found.count] >= self._row:
            return found.content
        now = bisect_left(rows, self._row, found.count)
        content = found.content
        if found.records is None:
            found.records = self._changes.records(np.array(rows))
            content = None if content is None else content.copy()
        found.content = self._recording.contents.apply_records(
            content, self._block.number, self._changes, found.records[found.count : now]
        )
        found.count = now
        return found.content

    def _look(self, row: int, frame: int, code: int) -> None:
        self._row = row
        self._frame = frame
        if self._code is None or self._code.id != code:
            self._code = self._recording.code(code)
            self._slots = self._names.slots[code]

    def _dirty(self) -> NDArray[np.bool_]:
        """Rows that may change the predicate's value."""
        if not self._followed:
            return self._stores
        changed = np.zeros(len(self._stores), dtype=bool)
        for found in self._followed.values():
            changed[found.rows] = True
        # A store to a cell or namespace tells the name it is about, and only the predicate's names matter.
        return self._stores | (changed & ~self._owning)

    def _global(self, name: str) -> Raw:
        code = self._code
        assert code is not None
        body = code.flags.get("body", "function")
        if name == "__builtins__":
            return NOTHING
        raw = self._slot(NO_SLOT) if body != "function" else NOTHING
        if raw[0] == Tag.OBJECT:
            found = self._entry(raw[1], name)
            # A class body's namespace is its own; behind it are the globals.
            if found is not None or body == "module":
                return found or NOTHING
        number = self.store.module_namespace(code.module)
        return (self._entry(number, name) if number is not None else None) or NOTHING

    def _entry(self, namespace: int, name: str) -> Raw | None:
        content = self.content(namespace)
        found = None if content is None else content.entries.get(name)
        return None if found is None else found[1]

    def _slot(self, slot: int) -> Raw:
        changed = self._changed.get((self._frame, slot))
        if changed is not None:
            place = bisect_left(changed[0], self._row)
            if place:
                return changed[1][place - 1]
        table = self._tables.get(self._frame)
        if table is None:
            found = self.store.frame_variables(self._frame, self._block.number)
            table = self._tables[self._frame] = {}
            if found is not None:
                columns = (found[name].tolist() for name in ("slot", "tag", "value"))
                table.update({one: (tag, value) for one, tag, value in zip(*columns, strict=True)})
        return table.get(slot, NOTHING)

    def _slot_changes(self) -> dict[tuple[int, int], tuple[list[int], list[Raw]]]:
        """Frame and slot to the rows that change it and what they change it to."""
        block = self._block
        stores = np.nonzero(self._own)[0]
        binds = np.nonzero(block.site == Detail.BIND)[0]
        calls = binds
        if len(binds):
            calls = block.event_rows[np.searchsorted(block.event_rows, binds)]
            last = len(self.store.site_code) - 1
            codes = self.store.site_code[np.minimum(block.site[calls], last)]
            pairs = codes.astype(np.int64) << 32 | block.rows["aux"][binds].astype(np.int64)
            wanted = np.isin(pairs, self._names.bound) & (block.kind[calls] == Kind.CALL)
            binds, calls = binds[wanted], calls[wanted]
        if not len(binds) and not len(stores):
            return {}
        rows = np.r_[binds, stores]
        order = np.argsort(rows, kind="stable")
        frames = np.r_[block.frame[calls], block.frame[stores]][order]
        slots = np.r_[
            block.rows["aux"][binds].astype(np.int64),
            self.store.site_slot[block.site[stores]].astype(np.int64),
        ][order]
        rows = rows[order]
        changed: dict[tuple[int, int], tuple[list[int], list[Raw]]] = {}
        for frame, slot, row, tag, value, kind in zip(
            frames.tolist(),
            slots.tolist(),
            rows.tolist(),
            (block.tag[rows] & TAG_MASK).tolist(),
            block.rows["value"][rows].tolist(),
            block.kind[rows].tolist(),
            strict=True,
        ):
            places, raws = changed.setdefault((frame, slot), ([], []))
            places.append(row)
            raws.append(NOTHING if kind == Kind.DELETE else (tag, value))
        return changed
