"""Alignment of two sequences: which items stay, go and come.

Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), with a bound on the number of differences;
beyond it items are paired by position, which is not the smallest answer, but a right one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

MOST_DIFFERENCES = 300


def align(
    first: Sequence[Hashable], second: Sequence[Hashable]
) -> Iterator[tuple[int | None, int | None]]:
    """Pairs of indexes in order: (i, j) where items are matched or replace each other, (i, None) where one
    goes, (None, j) where one comes."""
    start = 0
    shortest = min(len(first), len(second))
    while start < shortest and first[start] == second[start]:
        start += 1
    tail = 0
    while tail < shortest - start and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    yield from ((place, place) for place in range(start))
    ends = len(first) - tail, len(second) - tail
    gone: list[int] = []
    come: list[int] = []
    for i, j in _matches(first[start : ends[0]], second[start : ends[1]]):
        if i is not None and j is not None:
            yield from _paired(gone, come)
            gone, come = [], []
            yield start + i, start + j
        elif i is not None:
            gone.append(start + i)
        elif j is not None:
            come.append(start + j)
    yield from _paired(gone, come)
    yield from ((ends[0] + place, ends[1] + place) for place in range(tail))


def _paired(gone: list[int], come: list[int]) -> Iterator[tuple[int | None, int | None]]:
    both = min(len(gone), len(come))
    yield from zip(gone[:both], come[:both], strict=True)
    yield from ((i, None) for i in gone[both:])
    yield from ((None, j) for j in come[both:])


def _matches(
    first: Sequence[Hashable], second: Sequence[Hashable]
) -> list[tuple[int | None, int | None]]:
    """Equal pairs, deletions and insertions in order; all deleted and inserted where it would take long."""
    n, m = len(first), len(second)
    furthest = {1: 0}
    trace: list[dict[int, int]] = []
    for differences in range(min(n + m, MOST_DIFFERENCES) + 1):
        trace.append(dict(furthest))
        for k in range(-differences, differences + 1, 2):
            down = k == -differences or (
                k != differences and furthest.get(k - 1, -1) < furthest.get(k + 1, -1)
            )
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            while x < n and y < m and first[x] == second[y]:
                x, y = x + 1, y + 1
            furthest[k] = x
            if x >= n and y >= m:
                return _walk_back(trace, n, m)
    return [(i, None) for i in range(n)] + [(None, j) for j in range(m)]


def _walk_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int | None, int | None]]:
    path: list[tuple[int | None, int | None]] = []
    for differences in range(len(trace) - 1, -1, -1):
        furthest = trace[differences]
        k = x - y
        down = k == -differences or (
            k != differences and furthest.get(k - 1, -1) < furthest.get(k + 1, -1)
        )
        before = k + 1 if down else k - 1
        start = furthest.get(before, 0)
        x0, y0 = start, start - before
        while x > x0 and y > y0 and (x > 0 and y > 0):
            x, y = x - 1, y - 1
            path.append((x, y))
        if differences:
            path.append((None, y0) if down else (x0, None))
        x, y = x0, y0
    path.reverse()
    return path
