"""What a store answers equals what the synthetic program did, sealed, growing and recovered."""

from __future__ import annotations

import random
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from escope.errors import PositionError, RecordingError
from escope.storage.control import ProgramState, Stage
from escope.storage.directory import CollectorLock
from escope.storage.rows import ROW, Detail, Tag
from escope.storage.store import open_store
from tests.storage.model import Program
from tests.storage.recording import ROOT, Recorder, record
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


def test_only_the_owner_can_read_anything(tmp_path: Path) -> None:
    program = Program(3, snapshots=False).run(2000)
    recorder = Recorder(tmp_path / "run.esr")
    recorder.start("--block-rows", "50", "--segment-blocks", "4", "--hot", "10000")
    recorder.put(program)
    with open_store(recorder.part) as store:
        assert store.events == 2000
    for entry in [recorder.part, *recorder.part.rglob("*")]:
        if entry.name in ("sources", "sites.jsonl", "manifest.json") or "sources" in entry.parts:
            continue  # made by the test itself
        assert stat.S_IMODE(entry.stat().st_mode) & 0o077 == 0, entry
    assert stat.S_IMODE(recorder.end().stat().st_mode) == 0o600


def test_growing_recording_shows_the_newest_published_event(tmp_path: Path) -> None:
    program = Program(5).run(2500)
    recorder = Recorder(tmp_path / "run.esr")
    recorder.start(*SMALL)
    recorder.put(program, 0, 10)
    with open_store(tmp_path / "run.esr") as store:
        assert store.live
        for stop in (1, 7, 99, 100, 101, 450, 451, 1200, 2499, 2500):
            first = store.events
            if stop > first:
                recorder.put(program, first, stop)
                assert store.refresh()
            assert store.events == max(stop, first)
            check_all(store, program, store.events)
        assert not store.refresh()
        path = recorder.end()
        assert store.refresh()
        assert not store.live
        assert store.path == str(path)
        check_all(store, program)


def test_tail_is_read_whole_while_the_collector_stores_it(tmp_path: Path) -> None:
    program = Program(6).run(6000)
    # A ring of 2048 rows wraps many times while the reader copies its tail.
    recorder = Recorder(tmp_path / "run.esr", ring=2048 * 16)
    options = ("--block-rows", "60", "--segment-blocks", "4", "--hot", "30000")
    recorder.start(*options)
    recorder.put(program, 0, 10)
    with open_store(recorder.part) as store:
        done = threading.Event()

        def produce() -> None:
            for start in range(10, len(program.events), 7):
                recorder.ring.put(program.data(start, min(start + 7, len(program.events))))
                time.sleep(0.0005)
            done.set()

        thread = threading.Thread(target=produce)
        thread.start()
        seen = 0
        while not done.is_set():
            store.refresh()
            assert store.events >= seen
            seen = store.events
            first = program.groups[store.block(store.blocks - 1).first_seq]
            got = store.block(store.blocks - 1).rows.tobytes()
            assert got == b"".join(program.rows[first : first + len(got) // 16])
        thread.join()
        store.refresh()
        check_all(store, program)
    recorder.end()


def test_two_stores_may_watch_one_growing_recording(tmp_path: Path) -> None:
    program = Program(5, snapshots=False).run(300)
    recorder = Recorder(tmp_path / "run.esr")
    recorder.start(*SMALL)
    recorder.put(program)
    one, two = open_store(recorder.part), open_store(recorder.part)
    assert one.events == two.events == 300
    one.close()
    assert two.block(0).events
    two.close()
    recorder.end()


def test_event_larger_than_the_ring_is_one_event(tmp_path: Path) -> None:
    program = Program(8).run(200)
    for _ in range(5000):
        program.detail(Detail.ITEM, Tag.INT, 1, 5)
    program.run(600)
    recorder = Recorder(tmp_path / "run.esr", ring=512 * 16)
    recorder.start("--block-rows", "400")
    recorder.put(program, step=1)
    with open_store(recorder.end()) as store:
        check_all(store, program)


def test_rows_of_an_unfinished_event_are_left_out(tmp_path: Path) -> None:
    program = Program(9).run(150)
    recorder = Recorder(tmp_path / "run.esr")
    recorder.start(*SMALL)
    recorder.put(program)
    assert recorder.ring.put(ROW.pack(Detail.OBJECT << 8, 1, 77) * 3)
    with open_store(recorder.part) as store:
        assert store.events == 150
    with open_store(recorder.end()) as store:
        check_all(store, program)
        assert list(store.object_blocks(77, 1 << 20)) == []


def test_recording_without_events_is_a_recording(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run.esr")
    recorder.start()
    with open_store(recorder.part) as store:
        assert (store.events, store.blocks) == (0, 0)
    with open_store(recorder.end(3)) as store:
        assert (store.events, store.blocks) == (0, 0)
        assert store.manifest["status"] == 3
        assert store.info()["bytes_per_event"] == 0.0
        with pytest.raises(PositionError):
            store.block_of(0)
        with pytest.raises(RecordingError):
            store.string(1)


def test_position_outside_is_refused(tmp_path: Path) -> None:
    program = Program(1, snapshots=False).run(120)
    with open_store(record(tmp_path / "run.esr", program, *SMALL)) as store:
        for seq in (-1, 120, 1 << 70):
            with pytest.raises(PositionError):
                store.block_of(seq)
        with pytest.raises(IndexError):
            store.block(99)
        with pytest.raises(RecordingError):
            store.string(1 << 40)
        with pytest.raises(RecordingError):
            store.type(999)
        with pytest.raises(RecordingError):
            store.site(1 << 23)


def test_largest_size_stops_the_recording_and_says_so(tmp_path: Path) -> None:
    program = Program(2).run(6000)
    recorder = Recorder(tmp_path / "run.esr", ring=1024 * 16)
    recorder.start("--block-rows", "100", "--segment-blocks", "4", "--max-size", "60000")
    put = 0
    for start in range(0, 6000, 20):
        if not recorder.ring.put(program.data(start, start + 20)):
            break
        put = start + 20
    assert 1000 < put < 6000
    assert recorder.control.stage == Stage.FAILED
    assert "maximum size" in recorder.control.failure
    with open_store(recorder.end()) as store:
        assert "maximum size" in store.manifest["partial"]
        check_all(store, program, put)


def test_full_disk_stops_the_recording_and_keeps_what_is_stored(tmp_path: Path) -> None:
    program = Program(2).run(6000)
    recorder = Recorder(tmp_path / "run.esr", ring=1024 * 16)
    command = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from escope.storage.collector import main; sys.exit(main(sys.argv[1:]))"
    )
    collector = subprocess.Popen(
        [sys.executable, "-c", command, str(recorder.part), "--block-rows", "100"], cwd=ROOT
    )
    put = 0
    for start in range(0, 6000, 20):
        if not recorder.ring.put(program.data(start, start + 20)):
            break
        put = start + 20
    assert 500 < put < 6000
    assert recorder.control.stage == Stage.FAILED
    assert "disk full" in recorder.control.failure
    recorder.control.set_exit(0)
    recorder.control.program_state = ProgramState.ENDED
    status = collector.wait(30)
    path = recorder.final if status == 0 else recorder.part
    with open_store(path) as store:
        assert "disk full" in store.manifest["partial"]
        check_all(store, program, put)


def test_second_collector_is_refused(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run.esr")
    recorder.start()
    with pytest.raises(RecordingError):
        CollectorLock(recorder.part)
    recorder.end()


def test_growing_recording_stays_readable_when_its_collector_dies(tmp_path: Path) -> None:
    program = Program(5).run(1500)
    recorder = Recorder(tmp_path / "run.esr")
    collector = recorder.start(*SMALL)
    recorder.put(program, 0, 700)
    with open_store(recorder.part) as store:
        assert store.live
        collector.kill()
        collector.wait()
        recorder.put(program, 700, 1500)
        store.refresh()
        assert not store.live
        check_all(store, program)
    with open_store(recorder.part) as store:
        assert store.manifest["sealed"] is False
        check_all(store, program)


def test_several_threads_may_read_while_the_recording_grows_and_is_sealed(tmp_path: Path) -> None:
    program = Program(14, snapshots=False).run(6000)
    recorder = Recorder(tmp_path / "run.esr")
    recorder.start("--block-rows", "60", "--segment-blocks", "4", "--hot", "10000")
    recorder.put(program, 0, 50)
    problems: list[BaseException] = []
    done = threading.Event()
    with open_store(recorder.part) as store:

        def read(seed: int) -> None:
            chance = random.Random(seed)
            try:
                while not done.is_set():
                    events = store.events
                    seq = chance.choice([events - 1, chance.randrange(events)])
                    block = store.block(store.block_of(seq))
                    row = block.row_of(seq)
                    truth = program.events[seq]
                    assert (int(block.frame[row]), int(block.kind[row])) == (
                        truth.frame,
                        truth.kind,
                    )
                    assert store.time_at(seq) == truth.time
                    list(store.object_blocks(1, block.number))
                    store.frame_variables(truth.frame, block.number)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for start in range(50, 6000, 40):
            recorder.put(program, start, min(start + 40, 6000))
            store.refresh()
        recorder.end()
        assert store.refresh()
        time.sleep(0.2)
        done.set()
        for thread in threads:
            thread.join()
        assert problems == []
        assert store.events == 6000
