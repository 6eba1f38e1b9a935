"""Numbers and directories of processes, and manifests that lie about them."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from escope.engine.replay.recording import Recording
from escope.errors import EscopeError, RecordingError
from escope.storage.members import inherited_sites
from escope.storage.processes import Claim, claimed, registered, starting
from tests.storage.model import Program
from tests.storage.recording import record


def test_no_number_is_given_twice(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: Claim.make(tmp_path), range(200)))
    assert sorted(claim.number for claim in claims) == list(range(1, 201))
    assert claimed(tmp_path) == list(range(201))
    assert Claim.make(tmp_path, 3).number == 201
    assert registered(tmp_path) == []


def test_a_claim_holds_as_long_as_somebody_may_register(tmp_path: Path) -> None:
    forked, new = Claim.make(tmp_path, fork=True), Claim.make(tmp_path)
    assert starting(tmp_path, forked.number)
    forked.release()
    assert not starting(tmp_path, forked.number)
    assert starting(tmp_path, new.number)
    new.cancel()
    assert not starting(tmp_path, new.number)
    late = Claim.make(tmp_path)
    os.utime(tmp_path / "processes" / f"{late.number}.claim", (1, 1))
    assert not starting(tmp_path, late.number)
    assert not starting(tmp_path, 77)


class Written:
    """Site tables by process."""

    def __init__(self, tables: dict[int, bytes]) -> None:
        self.tables = tables

    def source(self, sha: str) -> bytes | None:
        return None

    def own_sites(self, process: int) -> bytes:
        if process not in self.tables:
            raise RecordingError("missing")
        return self.tables[process]


def test_a_site_table_goes_on_from_those_of_the_ancestors() -> None:
    tables = Written({0: b"one\ntwo\n", 4: b"three\nfour\n"})
    assert inherited_sites({}, tables) == b""
    assert inherited_sites({"inherits": [[0, 4]]}, tables) == b"one\n"
    assert inherited_sites({"inherits": [[0, 8], [4, 6]]}, tables) == b"one\ntwo\nthree\n"


NO_ANCESTORS: list[Any] = [
    *(5, "x", [5], [[0]], [[0, -1]], [[-1, 0]], [[0, 9]], [[1, 1]], [["0", 1]]),
    *([[0, 1], [0, 1]], [[0, True]], [[number, 1] for number in range(5000)]),
]


@pytest.mark.parametrize("inherits", NO_ANCESTORS)
def test_a_table_that_cannot_be_is_refused(inherits: Any) -> None:
    with pytest.raises(RecordingError):
        inherited_sites({"inherits": inherits}, Written({0: b"12345678"}))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sealed") / "run.esr"
    return record(path, Program(3, snapshots=False).run(300))


def entry(**more: Any) -> dict[str, Any]:
    return {"number": 1, "stored": True, "argv": ["x"], "events": 3, **more}


LIES: dict[str, Any] = {
    "no list": {"a": 1},
    "no entries": [1, 2],
    "no number": [{"stored": True}],
    "number 0": [entry(number=0)],
    "a number too many": [entry(), entry(number=2)],
    "odd values": [
        entry(argv=5, events="x", kinds=[1], status=[], pid=-1, parent={}, how=3, at=1e9)
    ],
    "huge": [entry(events=1 << 80, began_ns=1 << 70)],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
def test_what_a_manifest_says_of_processes_is_checked(
    lie: Any, sealed: Path, tmp_path: Path
) -> None:
    def write(change: Callable[[dict[str, Any]], None], inner: bytes) -> Path:
        path = tmp_path / "lie.esr"
        with zipfile.ZipFile(sealed) as old, zipfile.ZipFile(path, "w") as new:
            for info in old.infolist():
                data = old.read(info)
                if info.filename == "manifest.json":
                    manifest = json.loads(data)
                    change(manifest)
                    data = json.dumps(manifest).encode()
                new.writestr(info.filename, data)
            new.writestr("processes/1.esr", inner)
        return path

    path = write(lambda manifest: manifest.update(processes=lie), sealed.read_bytes())
    try:
        with Recording.open(path) as recording:
            info = recording.info()
            json.dumps(info)
            for one in recording.processes:
                recording.process(one.number).at(0).to_json()
    except EscopeError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message
    honest = write(lambda manifest: manifest.update(processes=[entry()]), b"no zip at all")
    with Recording.open(honest) as recording:
        assert recording.event_count
        with pytest.raises(RecordingError, match="process 1"):
            recording.process(1)
