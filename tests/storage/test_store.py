"""What a store answers equals what the synthetic program did, sealed, growing and recovered."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from escope.errors import PositionError, RecordingError
from escope.storage.store import open_store
from tests.storage.model import Program
from tests.storage.recording import Recorder, record
from tests.storage.truth import check_all

SMALL = ("--block-rows", "100")


@pytest.mark.parametrize("seed", range(4))
def test_sealed_recording_answers_what_the_program_did(tmp_path: Path, seed: int) -> None:
    program = Program(seed).run(3000)
    path = record(tmp_path / "run.esr", program, *SMALL)
    with open_store(path) as store:
        assert not store.live
        assert store.manifest["sealed"] is True
        assert store.manifest["status"] == 0
        check_all(store, program)
        assert store.source("a" * 64) == b"x = 1\n"
        assert store.source("b" * 64) is None
        assert store.skipped == [{"module": "m", "file": "/m.py", "reason": "library"}]
        assert store.predicates == [{"number": 1, "text": "x > 3"}]
        assert store.codes[2].variables == ("x", "y", "z")


def test_blocks_that_left_the_hot_store_answer_the_same(tmp_path: Path) -> None:
    program = Program(7).run(4000)
    options = ("--block-rows", "50", "--segment-blocks", "8", "--hot", "20000")
    path = record(tmp_path / "run.esr", program, *options)
    with open_store(path) as store:
        assert store.summaries["segment"].max() > 8
        check_all(store, program)
