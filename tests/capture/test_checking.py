"""What a known method changes, told at the cost of the change, is what it changed: in the core at work."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escope.config import CaptureLimits
from escope.engine.capture.checking import Checker
from escope.engine.capture.core import CORE
from escope.engine.capture.encoder import Encoder
from escope.engine.capture.frames import FrameRecord, Suspect
from tests.capture.rowmodel import RowModel
from tests.capture.test_encoder import live_tree, make_encoder

KEYS = st.sampled_from(["a", "b", 1, True, 1.0, float("nan"), None, b"x"])
METHODS: dict[type, dict[str, int]] = {
    list: {"append": 1, "pop": 0},
    deque: {"append": 1, "appendleft": 1, "pop": 0, "popleft": 0},
    dict: {"setdefault": 2, "pop": 2, "popitem": 0},
    set: {"add": 1, "pop": 0, "discard": 1},
}
"""By type: methods, and how many arguments they are given."""


class Cut(BaseException):
    """What a signal handler raises in the middle of an event."""


def settle(encoder: Encoder, *pending: Suspect) -> None:
    """Check what the call of a frame may have changed."""
    frame = FrameRecord(1, Any, 0)  # type: ignore[arg-type]
    frame.pending = list(pending)
    if CORE == "c":
        encoder.settle(frame)  # type: ignore[attr-defined]
    else:
        Checker(encoder, lambda code: False).settle(frame)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(METHODS)), st.data())
def test_known_methods_lead_to_the_content(cls: type, data: st.DataObject) -> None:
    live, encoder, model = cls(), make_encoder(CaptureLimits(items=6)), RowModel()
    root = encoder.follow(live)
    encoder.drain()
    for _ in range(data.draw(st.integers(1, 14))):
        method = data.draw(st.sampled_from(list(METHODS[cls])))
        arguments = tuple(data.draw(KEYS) for _ in range(METHODS[cls][method]))
        if len(live) or arguments:
            getattr(live, method)(*arguments)
            settle(encoder, (live, False, method, arguments))
    model.feed(bytes(encoder.out))
    if len(live) <= 6 and not root.stale:
        assert model.tree(("object", root.object_id)) == live_tree(live)
    assert root.length == len(live)


@pytest.mark.parametrize(
    ("live", "method", "before"),
    [([], "append", ()), (deque(), "appendleft", ()), ({}, "setdefault", ("key",))],
    ids=["append", "appendleft", "setdefault"],
)
def test_a_change_that_is_cut_short_is_written_anew(
    live: Any, method: str, before: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, model = make_encoder(CaptureLimits()), RowModel()
    root = encoder.follow(live)
    encoder.drain()
    arguments = (*before, lambda: None)
    getattr(live, method)(*arguments)

    def cut(*_: Any) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(encoder, "_write", cut)
        with pytest.raises(Cut):
            settle(encoder, (live, False, method, arguments))
    encoder.check(root, "unseen")
    encoder.drain()
    model.feed(bytes(encoder.out))
    assert len(model.tree(("object", root.object_id))[1]) == 1
