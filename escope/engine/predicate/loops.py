"""Running the loops of a comprehension."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from escope.engine.predicate.evaluation import Evaluation, Node
from escope.engine.predicate.operations import iterate, truth
from escope.engine.predicate.values import Unanswerable


class Loop(NamedTuple):
    """One `for … in … if …`."""

    source: Node
    target: list[str] | str
    tests: list[Node]


def nest(loops: list[Loop], values: list[Node]) -> Callable[[Evaluation], Iterator[list[Any]]]:
    """What the nested loops give: `values` for every round that passes all tests."""

    def produce(run: Evaluation) -> Iterator[list[Any]]:
        # The outermost source is read at once, as in Python.
        first = iterate(loops[0].source(run), run.work)
        inner = Evaluation(run.scope, run.work, dict(run.bound))
        return descend(inner, 0, first)

    def descend(run: Evaluation, level: int, items: Iterator[Any]) -> Iterator[list[Any]]:
        _, target, tests = loops[level]
        for item in items:
            run.work.spend()
            _assign(run, target, item)
            if not all(truth(test(run)) for test in tests):
                continue
            if level + 1 < len(loops):
                deeper = iterate(loops[level + 1].source(run), run.work)
                yield from descend(run, level + 1, deeper)
            else:
                yield [value(run) for value in values]

    return produce


def _assign(run: Evaluation, target: list[str] | str, item: Any) -> None:
    if isinstance(target, str):
        run.bound[target] = item
        return
    parts = list(iterate(item, run.work))
    if len(parts) != len(target):
        raise Unanswerable("wrong number of values to unpack")
    run.bound.update(zip(target, parts, strict=True))
