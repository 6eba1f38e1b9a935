"""A predicate marks while a program runs what it finds in the recording of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from escope.engine.replay.recording import Recording
from tests.launch.recording import recorded

PROGRAM = """
from collections import namedtuple
from typing import NamedTuple

Move = namedtuple("Move", "sku delta")

class Priced(NamedTuple):
    price: float = 1.0
    tags: tuple = ()

    @property
    def twice(self):
        raise AssertionError("a predicate ran the program's code")

class Marked(Move):
    pass

class Limit:
    low = 3

    def __init__(self):
        self.high = 9

def replay(moves, limit):
    total = 0
    for move in moves:
        total += move.delta
    return total

marked = Marked("m", -7)
marked.delta_of = "x"
replay([Move("a", 2), Move("b", -1), Move("c", 4), marked], Limit())
priced = Priced(2.5, ("new",))
replay([], Limit())
"""


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("move.delta < 0", 2),
        ("move[1] < 0", 2),
        ("total > 3 and any(one.delta < -5 for one in moves)", 1),
        ("move.delta_of == 'x' and move.sku == 'm'", 1),
        ("priced.price > 2 and priced.tags[0] == 'new'", 3),
        ("limit.high == 9", 2),
        ("move.missing is None or True", 0),
        ("priced.twice or True", 0),
        ("limit.low == 3", 0),
    ],
)
def test_hits_are_the_same_live_and_on_the_recording(text: str, hits: int, tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text(PROGRAM)
    options = ("-o", "run.esr", "--break-when", text)
    assert recorded(["prog.py"], tmp_path, options=options).status == 0
    with Recording.open(tmp_path / "run.esr") as recording:
        # A hit is the event after the line that it is about.
        live = [event.seq - 1 for event in recording.events(kind="hit")]
        assert live == [moment.seq for moment in recording.find(text)]
    assert len(live) == hits
