"""Which rows of a block change which object: computed once per block, without a loop over rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from escope.events import Kind
from escope.storage.rows import APPLIED, CHANGES, FIRST_SITELESS, Detail

if TYPE_CHECKING:
    from escope.storage.store import Block


def _table(*numbers: int) -> NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(numbers)] = True
    return table


_IS_CHANGE = _table(*CHANGES)
OWNED = _table(Kind.STORE, Kind.DELETE)
"""Kinds whose rows may be changes of a cell or a namespace, as an array over kinds."""
_APPLICABLE = _table(Kind.SETATTR, Kind.DELATTR, Kind.SETITEM, Kind.DELITEM)
_PLACED = _table(Kind.LINE, Kind.CALL)


Record = tuple[int, int, int, int, int, int, int]
"""A change row: row, site, tag, aux, value, kind, row of its KEY."""


class BlockChanges:
    """The change rows of one block, findable by object."""

    def __init__(self, block: Block, before: Callable[[int], int]) -> None:
        """`before` gives the site where a frame was last seen before the block, 0 for none."""
        self._block = block
        self._before = before
        self.tag: NDArray[np.uint8] = block.tag
        self.site: NDArray[np.uint32] = block.site
        self.aux: NDArray[np.uint32] = block.rows["aux"]
        self.value: NDArray[np.uint64] = block.rows["value"]
        self.kind: NDArray[np.uint8] = block.kind
        """Kind of each event row, 0 on detail rows."""
        self.event_rows: NDArray[np.int64] = block.event_rows

    @cached_property
    def object(self) -> NDArray[np.uint64]:
        """The object that each row changes, 0 for none."""
        change = _IS_CHANGE[np.minimum(self.site, FIRST_SITELESS)]
        change |= OWNED[self.kind] & (self.aux != 0)
        change |= _APPLICABLE[self.kind] & ((self.tag & APPLIED) != 0)
        whose = self.aux.astype(np.uint64)
        whole = self.site == Detail.OBJECT
        whose[whole] = self.value[whole]
        whose[~change] = 0
        return whose

    @cached_property
    def key_row(self) -> NDArray[np.int64]:
        """The newest KEY row at or before each row, -1 for none."""
        positions = np.arange(len(self.site))
        return np.maximum.accumulate(np.where(self.site == Detail.KEY, positions, -1))

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The change rows by object, and their objects."""
        places = np.nonzero(self.object)[0]
        order = places[np.argsort(self.object[places], kind="stable")]
        return order, self.object[order]

    def of(self, object_id: int) -> NDArray[np.int64]:
        """Rows that change the object, ascending."""
        wanted = np.uint64(object_id)
        order, ids = self._sorted
        low = np.searchsorted(ids, wanted, "left")
        high = np.searchsorted(ids, wanted, "right")
        return order[low:high]

    @cached_property
    def last_site(self) -> NDArray[np.int64]:
        """For each row the site where its frame was last seen to be: of its newest line, or its call."""
        block = self._block
        frames = block.frame
        order = np.argsort(frames, kind="stable")
        ordered = frames[order]
        positions = np.arange(len(order))
        begins = np.r_[True, ordered[1:] != ordered[:-1]] if len(order) else positions > 0
        begin = np.maximum.accumulate(np.where(begins, positions, 0))
        newest = np.maximum.accumulate(np.where(_PLACED[self.kind[order]], positions, -1))
        sites = self.site[order].astype(np.int64)
        found = np.where(newest >= begin, sites[newest], 0)
        for index in np.nonzero((newest < begin) & begins & (ordered != 0))[0].tolist():
            site = self._before(int(ordered[index]))
            if site:
                end = np.searchsorted(ordered, ordered[index], "right")
                part = slice(index, int(end))
                found[part] = np.where(found[part] == 0, site, found[part])
        result = np.zeros(len(order), dtype=np.int64)
        result[order] = found
        return result

    def records(self, rows: NDArray[np.int64]) -> list[Record]:
        """What applying the rows takes."""
        return list(
            zip(
                rows.tolist(),
                self.site[rows].tolist(),
                self.tag[rows].tolist(),
                self.aux[rows].tolist(),
                self.value[rows].tolist(),
                self.kind[rows].tolist(),
                self.key_row[rows].tolist(),
                strict=True,
            )
        )

    def event_end(self, row: int) -> int:
        """The number of rows of the block up to the end of the event that `row` belongs to."""
        index = int(np.searchsorted(self.event_rows, row))
        return int(self.event_rows[index]) + 1 if index < len(self.event_rows) else len(self.site)

    def group(self, index: int) -> tuple[int, int]:
        """First row and event row of the block's event number `index`."""
        last = int(self.event_rows[index])
        first = int(self.event_rows[index - 1]) + 1 if index else 0
        return first, last
