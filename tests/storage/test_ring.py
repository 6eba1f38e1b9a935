"""The ring and the control page: what one process writes, the other reads, whatever happens."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from escope.errors import RecordingError, UsageError
from escope.storage.control import Command, Control
from escope.storage.ring import Ring
from escope.storage.rows import ROW


def rows(first: int, count: int) -> bytes:
    return b"".join(ROW.pack(n & 0xFFFF_FFFF, n >> 3, n * 7) for n in range(first, first + count))


def test_rows_come_out_as_they_were_put_across_many_wraps(tmp_path: Path) -> None:
    writer = Ring.create(tmp_path / "ring", 64 * 16)
    reader = Ring.attach(tmp_path / "ring")
    put = taken = 0
    for step in range(500):
        count = step * 7 % 40
        assert writer.put(rows(put, count))
        put += count
        assert reader.published == writer.written == put
        limit = step * 5 % 64
        while reader.published - reader.consumed > 24:
            got = reader.take(limit + 1)
            assert got == rows(taken, len(got) // 16)
            reader.release(len(got) // 16)
            taken += len(got) // 16
    assert reader.take(1 << 20) == rows(taken, put - taken)


def test_full_ring_makes_the_producer_wait_until_rows_are_released(tmp_path: Path) -> None:
    writer = Ring.create(tmp_path / "ring", 64 * 16)
    reader = Ring.attach(tmp_path / "ring")
    reader.attend(os.getpid())
    assert writer.put(rows(0, 60))
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(writer.put(rows(60, 10))))
    thread.start()
    time.sleep(0.05)
    assert reader.published == 60
    assert reader.wanted == 10
    reader.release(6)
    thread.join(5)
    assert answers == [True]
    assert reader.take(100) == rows(6, 64)


def test_rows_larger_than_the_ring_pass_in_pieces(tmp_path: Path) -> None:
    writer = Ring.create(tmp_path / "ring", 64 * 16)
    reader = Ring.attach(tmp_path / "ring")
    reader.attend(os.getpid())
    thread = threading.Thread(target=lambda: writer.put(rows(0, 1000)))
    thread.start()
    got = b""
    while len(got) < 16_000:
        part = reader.take(50)
        reader.release(len(part) // 16)
        got += part
    thread.join(5)
    assert got == rows(0, 1000)


def test_put_says_no_when_the_collector_is_dead(tmp_path: Path) -> None:
    writer = Ring.create(tmp_path / "ring", 64 * 16)
    child = subprocess.Popen([sys.executable, "-c", ""])
    writer.attend(child.pid)
    # Not waited for: a zombie must count as dead.
    time.sleep(0.2)
    assert writer.put(rows(0, 64))
    started = time.monotonic()
    assert not writer.put(rows(64, 1))
    assert time.monotonic() - started < 2
    # A smaller event must not slip into what room there was.
    assert not writer.put(rows(64, 40))
    writer.release(8)
    assert not writer.put(rows(64, 1))
    assert writer.published == 64
    child.wait()


def test_put_says_no_when_the_collector_hangs(tmp_path: Path) -> None:
    writer = Ring.create(tmp_path / "ring", 64 * 16)
    writer.attend(os.getpid())
    writer._hang_ns = 300_000_000
    assert writer.put(rows(0, 64))
    assert not writer.put(rows(64, 1))


def test_put_says_no_as_soon_as_the_ring_is_closed(tmp_path: Path) -> None:
    writer = Ring.create(tmp_path / "ring", 64 * 16)
    assert writer.put(rows(0, 1))
    Ring.attach(tmp_path / "ring").close_for_writing()
    assert not writer.put(rows(1, 1))
    assert writer.published == 1


def test_what_is_not_a_ring_is_refused(tmp_path: Path) -> None:
    Ring.create(tmp_path / "ring", 64 * 16).close()
    good = (tmp_path / "ring").read_bytes()
    for at, value in ((0, 1), (8, 9), (16, 0), (16, 65), (16, 1 << 60), (128, 65), (256, 3)):
        bad = bytearray(good)
        bad[at : at + 8] = value.to_bytes(8, "little")
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises(RecordingError):
            Ring.attach(tmp_path / "bad")
    for size in (0, 15, 4096, len(good) - 1):
        (tmp_path / "bad").write_bytes(good[:size])
        with pytest.raises(RecordingError):
            Ring.attach(tmp_path / "bad")
    with pytest.raises(RecordingError):
        Ring.attach(tmp_path / "missing")


def test_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    Ring.create(tmp_path / "ring", 1024).close()
    Control.create(tmp_path / "control").close()
    for name in ("ring", "control"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_control_page_carries_words_and_texts_between_mappings(tmp_path: Path) -> None:
    one = Control.create(tmp_path / "control")
    two = Control.attach(tmp_path / "control")
    assert two.exit_status is None
    assert one.send(Command.STEP_OVER) == 1
    assert (two.request, two.command) == (1, Command.STEP_OVER)
    two.ack = 1
    one.set_exit(-9)
    assert (one.ack, two.exit_status, two.exit_text()) == (1, -9, "signal:9")
    version = one.set_predicates([{"number": 1, "text": "é > 3", "once": False}])
    assert two.predicates() == (version, [{"number": 1, "text": "é > 3", "once": False}])
    two.predicate_error = "é: no"
    assert one.predicate_error == "é: no"
    one.failure = "disk full"
    assert two.failure == "disk full"
    assert one.detach_reason == ""
    with pytest.raises(UsageError):
        one.set_predicates([{"number": 1, "text": "x" * 70_000}])
    assert two.predicates() == (version, [{"number": 1, "text": "é > 3", "once": False}])


def test_player_counts_as_gone_without_a_heartbeat(tmp_path: Path) -> None:
    control = Control.create(tmp_path / "control")
    assert not control.player_alive()
    control.beat_player()
    assert control.player_alive()
    control.player_beat = control.player_beat - 4_000_000_000
    assert not control.player_alive()


def test_ring_and_control_import_the_standard_library_only() -> None:
    code = (
        "import sys, escope.storage.ring, escope.storage.control, escope.storage.rows;"
        "bad = {'numpy', 'lmdb', 'zstandard'} & set(sys.modules); sys.exit(repr(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
