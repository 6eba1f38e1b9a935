"""Broken and malicious recordings: one clear error, or the very answers of the whole one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from escope.errors import EscopeError, RecordingError
from escope.events import Kind
from escope.storage.segments import compress
from escope.storage.store import Store, open_store
from tests.crash.kill import killed_directory
from tests.storage.model import Program
from tests.storage.recording import record

FLIPS = int(os.environ.get("ESCOPE_FLIPS", "250"))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("sealed")
    program = Program(11, snapshots=False).run(1200)
    path = record(folder / "run.esr", program, "--block-rows", "100", "--segment-blocks", "8")
    return path.read_bytes()


def answers(store: Store) -> str:
    """A digest of everything that the store can say, without the file's own path."""
    found = hashlib.sha256()

    def add(*what: Any) -> None:
        found.update(repr(what).encode())

    add(store.events, store.blocks, sorted(store.info().items(), key=str))
    for number in range(store.blocks):
        block = store.block(number)
        found.update(block.rows.tobytes())
        for column in (block.seq, block.kind, block.frame, block.depth, block.thread, block.times):
            found.update(column.tobytes())
        add(block.spans.began.tolist(), block.checkpoint.encode())
        for frame in np.unique(block.frame).tolist():
            variables = store.frame_variables(frame, number)
            add(None if variables is None else variables.tolist())
    for oid in range(1, 40):
        add(list(store.object_blocks(oid, store.blocks)))
    for sid in range(1, 60):
        add(store.string(sid))
    for tid in (1, 2, 3):
        add(store.type(tid))
    add(store.module_namespace("__main__"), store.activations(0, store.events))
    for kind in (Kind.RAISE, Kind.OUTPUT, Kind.HIT, Kind.THREAD_START):
        add(store.kind_seqs(kind).tolist())
    for site in range(256, store.site_kind.size):
        add(store.site(site), store.site_blocks(site).tolist())
    add(store.seq_at_time(5000), store.codes, store.skipped, store.predicates)
    add(store.source("a" * 64))
    return found.hexdigest()


def is_one_line(error: EscopeError) -> bool:
    return "\n" not in str(error) and len(str(error)) < 1000


def outcome(path: Path) -> str:
    """The digest of what the recording says, or `error`; anything else is a failure of the test."""
    try:
        with open_store(path) as store:
            return answers(store)
    except RecordingError as error:
        return "error" if is_one_line(error) else f"bad message: {error}"


def test_truncated_file_is_refused_whatever_its_length(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.esr"
    lengths = {0, 1, 2, 4, 21, 22, 23, 29, 30, 31, 63, 64, 100, 1000, len(sealed) - 1}
    lengths |= {len(sealed) - n for n in (2, 10, 21, 22, 23, 46, 100, 500)}
    lengths |= {1 << n for n in range(len(sealed).bit_length())}
    chance = random.Random(1)
    lengths |= {chance.randrange(len(sealed)) for _ in range(40)}
    for length in sorted(lengths):
        if length < len(sealed):
            path.write_bytes(sealed[:length])
            assert outcome(path) == "error", length


@pytest.mark.slow
def test_flipped_bits_give_an_error_or_the_same_answers(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.esr"
    path.write_bytes(sealed)
    whole = outcome(path)
    assert whole != "error"
    chance = random.Random(2)
    errors = 0
    for _ in range(FLIPS):
        damaged = bytearray(sealed)
        for _ in range(chance.choice([1, 1, 1, 3])):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        found = outcome(path)
        assert found in ("error", whole)
        errors += found == "error"
    assert errors > FLIPS // 2


@pytest.mark.slow
def test_flips_in_the_zip_directory_give_an_error_or_the_same(
    sealed: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "run.esr"
    path.write_bytes(sealed)
    whole = outcome(path)
    chance = random.Random(3)
    start = sealed.index(b"PK\1\2")
    for place in chance.sample(range(start, len(sealed)), min(FLIPS, len(sealed) - start)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert outcome(path) in ("error", whole)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a recording\n", b"PK\5\6" + bytes(18), b"\x7fELF" + bytes(500), bytes(100_000)],
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.esr"
    path.write_bytes(content)
    assert outcome(path) == "error"


def test_things_that_are_no_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.esr", tmp_path, Path("/dev/null"), Path("/dev/zero")):
        assert outcome(path) == "error"
    os.mkfifo(tmp_path / "fifo")
    assert outcome(tmp_path / "fifo") == "error"


def members(sealed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(sealed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, parts: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def _manifest(text: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.__setitem__("manifest.json", text)


def _sites(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    def apply(parts: dict[str, bytes]) -> None:
        lines = [json.loads(line) for line in parts["sites.jsonl"].splitlines()]
        change(next(line for line in lines if line["type"] == "code"))
        parts["sites.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    return apply


def _index(raw: bytes) -> Callable[[dict[str, bytes]], None]:
    def apply(parts: dict[str, bytes]) -> None:
        data = compress(raw)
        trailer = struct.pack("<8sQII", b"ESCINDX1", 0, len(data), zlib.crc32(data))
        parts["index"] = data + trailer

    return apply


CRAFTED: dict[str, Callable[[dict[str, bytes]], Any]] = {
    "manifest is a list": _manifest(b"[]"),
    "manifest is nested deeply": _manifest(b"[" * 200_000),
    "format is of the future": _manifest(b'{"format": [2, 0]}'),
    "format is nonsense": _manifest(b'{"format": "1"}'),
    "sites are no JSON": lambda parts: parts.__setitem__("sites.jsonl", b"{\n"),
    "sites are missing": lambda parts: parts.pop("sites.jsonl"),
    "site ids have a gap": _sites(lambda code: code["sites"][3].__setitem__(0, 9999)),
    "site kind is unknown": _sites(lambda code: code["sites"][3].__setitem__(1, 99)),
    "slot is too high": _sites(lambda code: code["sites"][3].__setitem__(7, 99)),
    "line is negative": _sites(lambda code: code["sites"][3].__setitem__(2, -5)),
    "variables are numbers": _sites(lambda code: code.__setitem__("variables", [1])),
    "code id is huge": _sites(lambda code: code.__setitem__("id", 1 << 70)),
    "sites are removed": lambda parts: parts.__setitem__("sites.jsonl", b""),
    "blocks are missing": lambda parts: parts.pop("blocks"),
    "blocks are a bomb": lambda parts: parts.__setitem__("blocks", compress(bytes(1 << 30))),
    "blocks are torn": lambda parts: parts.__setitem__("blocks", compress(bytes(100))),
    "blocks have no events": lambda parts: parts.__setitem__("blocks", compress(bytes(10 * 168))),
    "index is missing": lambda parts: parts.pop("index"),
    "index is empty": lambda parts: parts.__setitem__("index", b""),
    "index points outside": _index(struct.pack("<QQQIIII", 0, 1 << 60, 0, 1 << 20, 5, 0, 0)),
    "tables are no zstd": lambda parts: parts.__setitem__("tables", b"xx"),
    "a segment is missing": lambda parts: parts.pop("segments/000001.seg"),
    "a segment is another": lambda parts: parts.__setitem__(
        "segments/000001.seg", parts["segments/000000.seg"]
    ),
    "a segment is empty": lambda parts: parts.__setitem__("segments/000001.seg", b""),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_recording_is_refused(sealed: bytes, tmp_path: Path, name: str) -> None:
    parts = members(sealed)
    path = tmp_path / "run.esr"
    write(path, parts)
    assert outcome(path) != "error"
    CRAFTED[name](parts)
    write(path, parts)
    assert outcome(path) == "error"


def test_compressed_members_are_refused(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.esr"
    write(path, members(sealed), zipfile.ZIP_DEFLATED)
    assert outcome(path) == "error"


@pytest.mark.slow
def test_damaged_directories_give_an_error_and_never_kill_the_reader(tmp_path: Path) -> None:
    source = killed_directory(tmp_path / "source.esr", Program(12, snapshots=False).run(900))
    chance = random.Random(4)
    outcomes = []
    for number in range(max(FLIPS // 12, 12)):
        part = tmp_path / f"copy{number}.esr.part"
        shutil.copytree(source, part)
        name = chance.choice(["hot/data.mdb", "ring", "control", "manifest.json", "sites.jsonl"])
        target = part / name
        data = bytearray(target.read_bytes())
        if chance.random() < 0.3:
            data = data[: chance.randrange(len(data))]
        else:
            for _ in range(3):
                end = len(data) if name != "hot/data.mdb" else min(len(data), 65_536)
                data[chance.randrange(end)] ^= 1 << chance.randrange(8)
        target.write_bytes(data)
        try:
            with open_store(part) as store:
                for block in range(store.blocks):
                    assert store.block(block).depth is not None
                outcomes.append("opened")
        except EscopeError as error:
            outcomes.append("error" if is_one_line(error) else str(error))
        shutil.rmtree(part)
    assert {"opened", "error"} == set(outcomes)


def test_a_directory_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    part = tmp_path / "run.esr.part"
    part.mkdir()
    assert outcome(tmp_path / "run.esr") == "error"
    (part / "manifest.json").write_text("{}")
    assert outcome(tmp_path / "run.esr") == "error"
    (part / "hot").mkdir()
    (part / "hot" / "data.mdb").write_bytes(b"")
    assert outcome(tmp_path / "run.esr") == "error"
