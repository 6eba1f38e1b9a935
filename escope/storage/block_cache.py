"""Blocks that were read, as many as fit into a number of bytes."""

from __future__ import annotations

from collections import OrderedDict

from escope.storage.blocks import Block

_COLUMN_FACTOR = 6
"""Columns are computed later and are kept with the block: its size when all are there, in that of its rows."""


class BlockCache:
    """The blocks that were used last.  Whoever shares one between threads holds a lock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._bytes = 0

    def get(self, number: int) -> Block | None:
        """The block, which counts as used now; None if it is not kept."""
        found = self._blocks.get(number)
        if found is not None:
            self._blocks.move_to_end(number)
        return found

    def keep(self, block: Block) -> None:
        """Keep the block, in place of an older one of its number."""
        old = self._blocks.pop(block.number, None)
        if old is not None:
            self._bytes -= _size(old)
        self._blocks[block.number] = block
        self._bytes += _size(block)
        while self._bytes > self._limit and len(self._blocks) > 1:
            _, old = self._blocks.popitem(last=False)
            self._bytes -= _size(old)

    def clear(self) -> None:
        """Keep nothing."""
        self._blocks.clear()
        self._bytes = 0


def _size(block: Block) -> int:
    return block.nbytes * _COLUMN_FACTOR
