"""Which rows of a block change which object: computed once per block, without a loop over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from escope.events import Kind
from escope.storage.rows import APPLIED, CHANGES, FIRST_SITELESS, Detail

if TYPE_CHECKING:
    from escope.storage.store import Block

_IS_CHANGE = np.zeros(FIRST_SITELESS, dtype=bool)
_IS_CHANGE[sorted(CHANGES)] = True
_OWNED = (int(Kind.STORE), int(Kind.DELETE))
PLACED = (int(Kind.LINE), int(Kind.CALL))
"""Kinds that say where a frame is."""
_APPLICABLE = (int(Kind.SETATTR), int(Kind.DELATTR), int(Kind.SETITEM), int(Kind.DELITEM))


Record = tuple[int, int, int, int, int, int, int]
"""A change row: row, site, tag, aux, value, kind, row of its KEY."""


class BlockChanges:
    """The change rows of one block, findable by object."""

    __slots__ = (
        "_before", "_block", "_ids", "_last_site", "_order",
        "aux", "event_rows", "key_row", "kind", "object", "site", "tag", "value",
    )  # fmt: skip

    def __init__(self, block: Block, before: Callable[[int], int]) -> None:
        """`before` gives the site where a frame was last seen before the block, 0 for none."""
        self._block = block
        self._before = before
        self._last_site: NDArray[np.int64] | None = None
        rows = block.rows
        self.tag: NDArray[np.uint8] = block.tag
        self.site: NDArray[np.uint32] = block.site
        self.aux: NDArray[np.uint32] = rows["aux"]
        self.value: NDArray[np.uint64] = rows["value"]
        self.kind: NDArray[np.uint8] = block.kind
        """Kind of each event row, 0 on detail rows."""
        detail = self.site < FIRST_SITELESS
        change = _IS_CHANGE[np.where(detail, self.site, 0)] & detail
        owned = np.isin(self.kind, _OWNED) & (self.aux != 0)
        applied = np.isin(self.kind, _APPLICABLE) & ((self.tag & APPLIED) != 0)
        whose = np.where(self.site == Detail.OBJECT, self.value, self.aux.astype(np.uint64))
        self.object: NDArray[np.uint64] = np.where(change | owned | applied, whose, 0)
        """The object that each row changes, 0 for none."""
        places = np.nonzero(self.object)[0]
        order = np.argsort(self.object[places], kind="stable")
        self._order = places[order]
        self._ids = self.object[self._order]
        positions = np.arange(len(rows))
        self.key_row: NDArray[np.int64] = np.maximum.accumulate(
            np.where(self.site == Detail.KEY, positions, -1)
        )
        """The newest KEY row at or before each row, -1 for none."""
        self.event_rows: NDArray[np.int64] = block.event_rows

    def of(self, object_id: int) -> NDArray[np.int64]:
        """Rows that change the object, ascending."""
        wanted = np.uint64(object_id)
        low = np.searchsorted(self._ids, wanted, "left")
        high = np.searchsorted(self._ids, wanted, "right")
        return self._order[low:high]

    @property
    def last_site(self) -> NDArray[np.int64]:
        """For each row the site where its frame was last seen to be: of its newest line, or its call."""
        if self._last_site is None:
            block = self._block
            frames = np.asarray(block.frame)
            order = np.argsort(frames, kind="stable")
            ordered = frames[order]
            positions = np.arange(len(order))
            begins = np.r_[True, ordered[1:] != ordered[:-1]] if len(order) else positions > 0
            begin = np.maximum.accumulate(np.where(begins, positions, 0))
            marked = np.isin(self.kind[order], PLACED)
            newest = np.maximum.accumulate(np.where(marked, positions, -1))
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
            self._last_site = result
        return self._last_site

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

    def group(self, index: int) -> tuple[int, int]:
        """First row and event row of the block's event number `index`."""
        last = int(self.event_rows[index])
        first = int(self.event_rows[index - 1]) + 1 if index else 0
        return first, last
