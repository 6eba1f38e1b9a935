"""Probes that fire as one: the same ones at the same places, and nothing leads in between."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType

import pytest

from escope.engine.capture.instrument import emit_peek
from escope.engine.capture.instrument.instructions import UnknownCode, parse
from escope.engine.capture.instrument.plan import Plan, make_plan
from escope.engine.capture.instrument.rewrite import Rewritten, rewrite
from tests.capture.instrument.test_stdlib import LIBRARY, SAMPLE


def nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from nested(one)


def told(plan: Plan, rewritten: Rewritten) -> tuple[list[object], list[tuple[int, int]]]:
    """What runs: original instructions and probes in order; and from where to where the jumps lead in that."""
    plain = len(plan.body.code.co_consts)
    numbers = {id(insert): number for number, insert in enumerate(plan.inserts)}
    order: list[object] = []
    places: list[int] = []
    for piece in rewritten.pieces:
        places.append(len(order))
        if piece.origin >= 0:
            order.append((piece.origin, piece.part))
        elif piece.name == "LOAD_CONST" and piece.arg is not None and piece.arg >= plain:
            group = rewritten.constants[piece.arg - plain]
            order += [f"probe {numbers[id(insert)]}" for insert in group or ()]
        elif piece.label is not None:
            order.append(piece.name)
    ways = [
        (place, places[piece.label.index])
        for place, piece in zip(places, rewritten.pieces, strict=True)
        if piece.label is not None
    ]
    return order, ways


@pytest.mark.parametrize("name", SAMPLE)
def test_fused_probes_fire_as_single_ones_do(name: str) -> None:
    path = LIBRARY / name
    joined = 0
    for code in nested(compile(path.read_bytes(), str(path), "exec")):
        try:
            plan = make_plan(parse(code))
        except UnknownCode:
            continue
        single = told(plan, rewrite(plan, emit_peek.emit))
        fused = rewrite(plan, emit_peek.emit, fused=True)
        assert told(plan, fused) == single, code.co_qualname
        assert all(one is None or 1 <= len(one) <= 4 for one in fused.constants)
        joined += sum(one is not None and len(one) > 1 for one in fused.constants)
    assert joined > 20
