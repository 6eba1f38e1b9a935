"""The code cache: what it gives back is what was stored, and nothing that came another way."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escope.config import CacheLimits
from escope.engine.capture import cache as module
from escope.engine.capture.cache import ENTRY, SECRET, CodeCache
from tests.launch.recording import environment

NAME, OTHER = "a" * 64, "b" * 64
CONTENT = bytes(range(64))


@pytest.fixture
def cache(tmp_path: Path) -> CodeCache:
    made = CodeCache(str(tmp_path / "deep" / "cache"))
    assert made.problem() is None
    return made


def entry(cache: CodeCache, name: str = NAME) -> Path:
    return Path(cache.folder, name + ENTRY)


def test_what_was_stored_is_loaded_and_only_its_owner_can_read_it(cache: CodeCache) -> None:
    assert cache.load(NAME) is None
    cache.store(NAME, CONTENT)
    assert cache.load(NAME) == CONTENT
    assert cache.load(OTHER) is None
    cache.store(NAME, b"")
    assert cache.load(NAME) == b""
    folder = Path(cache.folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert sorted(path.name for path in folder.iterdir()) == [NAME + ENTRY, SECRET]


def test_every_flipped_bit_is_noticed_and_the_entry_is_rewritten(cache: CodeCache) -> None:
    cache.store(NAME, CONTENT)
    good = entry(cache).read_bytes()
    for place in range(8 * len(good)):
        bad = bytearray(good)
        bad[place // 8] ^= 1 << place % 8
        entry(cache).write_bytes(bad)
        assert cache.load(NAME) is None, place
    cache.store(NAME, CONTENT)
    assert cache.load(NAME) == CONTENT


@given(content=st.binary(max_size=300), data=st.data())
def test_no_other_bytes_pass_for_an_entry(content: bytes, data: st.DataObject) -> None:
    # The directory is the same for all examples: each one writes the entry anew.
    cache = CodeCache(os.environ["ESCOPE_CACHE"] + "/changed-entries")
    assert cache.problem() is None
    cache.store(NAME, content)
    good = entry(cache).read_bytes()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    bad = good[:start] + data.draw(st.binary(max_size=40)) + good[end:]
    entry(cache).write_bytes(bad)
    assert cache.load(NAME) == (content if bad == good else None)


def test_an_entry_does_not_pass_under_another_name(cache: CodeCache) -> None:
    cache.store(NAME, CONTENT)
    entry(cache, OTHER).write_bytes(entry(cache).read_bytes())
    entry(cache, OTHER).chmod(0o600)
    assert cache.load(OTHER) is None


def test_an_entry_of_another_directory_is_foreign(cache: CodeCache, tmp_path: Path) -> None:
    elsewhere = CodeCache(str(tmp_path / "elsewhere"))
    assert elsewhere.problem() is None
    elsewhere.store(NAME, CONTENT)
    cache.store(OTHER, CONTENT)
    os.rename(entry(elsewhere), entry(cache))
    assert cache.load(NAME) is None
    assert cache.load(OTHER) == CONTENT


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o740, 0o755, 0o777, 0o1777])
def test_a_directory_that_is_open_to_others_is_not_used(cache: CodeCache, mode: int) -> None:
    cache.store(NAME, CONTENT)
    os.chmod(cache.folder, mode)
    assert "others have access" in str(cache.problem())
    assert cache.load(NAME) is None
    cache.store(OTHER, CONTENT)
    assert not entry(cache, OTHER).exists()
    os.chmod(cache.folder, 0o700)
    assert cache.problem() is None
    assert cache.load(NAME) == CONTENT


def test_a_directory_of_another_user_is_not_used(
    cache: CodeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(NAME, CONTENT)
    if os.geteuid() == 0:
        os.chown(cache.folder, 12345, -1)
    else:
        monkeypatch.setattr(module.os, "geteuid", lambda: os.getuid() + 1)
    assert cache.problem() == "it belongs to another user"
    assert cache.load(NAME) is None
    cache.store(OTHER, CONTENT)
    assert not entry(cache, OTHER).exists()


def test_a_symbolic_link_is_not_followed(cache: CodeCache, tmp_path: Path) -> None:
    cache.store(NAME, CONTENT)
    link = tmp_path / "link"
    link.symlink_to(cache.folder)
    linked = CodeCache(str(link))
    assert linked.problem() == "it is a symbolic link"
    assert linked.load(NAME) is None
    linked.store(OTHER, CONTENT)
    assert not entry(cache, OTHER).exists()


def test_a_file_in_the_place_of_the_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert CodeCache(str(tmp_path / "file")).problem() == "it is not a directory"


@pytest.mark.parametrize("which", [NAME + ENTRY, SECRET])
@pytest.mark.parametrize(
    "what", ["readable by all", "of another user", "a link", "a pipe", "a directory"]
)
def test_what_is_no_plain_file_of_this_user_is_not_read(
    cache: CodeCache, tmp_path: Path, which: str, what: str
) -> None:
    cache.store(NAME, CONTENT)
    path = Path(cache.folder, which)
    if what == "readable by all":
        path.chmod(0o644)
    elif what == "of another user":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(path, 12345, -1)
    else:
        path.rename(tmp_path / "moved")
        if what == "a link":
            path.symlink_to(tmp_path / "moved")
        elif what == "a pipe":
            os.mkfifo(path, 0o600)
        else:
            path.mkdir(mode=0o700)
    assert cache.load(NAME) is None
    cache.store(NAME, CONTENT)
    # Whatever it was is replaced; of a directory the cache keeps its hands.
    assert cache.load(NAME) == (None if what == "a directory" else CONTENT)


@pytest.mark.parametrize("secret", [b"", b"short", bytes(33)])
def test_a_secret_of_another_length_is_made_anew(cache: CodeCache, secret: bytes) -> None:
    cache.store(NAME, CONTENT)
    Path(cache.folder, SECRET).write_bytes(secret)
    assert cache.load(NAME) is None
    cache.store(NAME, CONTENT)
    assert cache.load(NAME) == CONTENT
    assert len(Path(cache.folder, SECRET).read_bytes()) == 32


def test_a_directory_that_goes_away_is_no_error(cache: CodeCache) -> None:
    cache.store(NAME, CONTENT)
    for path in Path(cache.folder).iterdir():
        path.unlink()
    os.rmdir(cache.folder)
    assert cache.load(NAME) is None
    cache.store(NAME, CONTENT)
    assert cache.load(NAME) is None


def test_the_entries_that_were_not_used_for_the_longest_time_go(tmp_path: Path) -> None:
    cache = CodeCache(str(tmp_path / "cache"), CacheLimits(size=10_000))
    assert cache.problem() is None
    folder = Path(cache.folder)
    now = time.time()
    names = [f"{number:064x}" for number in range(10)]
    for days, name in enumerate(names, 2):
        cache.store(name, bytes(900))
        os.utime(entry(cache, name), (now - days * 86_400,) * 2)
    kept = {"notes.txt": 9, "notes.code": 99, "0123.new": 0}
    for name, days in {**kept, "4567.new": 30}.items():
        (folder / name).write_bytes(bytes(2000))
        os.utime(folder / name, (now - days * 86_400,) * 2)
    assert cache.load(names[-1]) is not None  # from now on the newest
    cache.store(NAME, bytes(900))
    left = {path.name for path in folder.iterdir()}
    ours = {name for name in left if name not in kept} - {SECRET}
    assert set(kept) < left
    assert {NAME + ENTRY, names[-1] + ENTRY, names[0] + ENTRY} < ours
    assert not {names[-2] + ENTRY, names[-3] + ENTRY, "4567.new"} & ours
    assert 5_000 < sum((folder / name).stat().st_size for name in ours) <= 7_500


WRITER = """
import hashlib, sys
from escope.engine.capture.cache import CodeCache
folder, number = sys.argv[1:]
cache = CodeCache(folder)
assert cache.problem() is None
found = 0
for turn in range(300):
    name = f"{turn % 7:064x}"
    body = bytes([int(number), turn % 256]) * (50 * (turn % 90))
    cache.store(name, hashlib.sha256(body).digest() + body)
    loaded = cache.load(name)
    if loaded is not None:
        found += 1
        assert hashlib.sha256(loaded[32:]).digest() == loaded[:32], turn
print(found)
"""


def test_concurrent_writers_leave_whole_entries(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    command = [sys.executable, "-c", WRITER, str(folder)]
    writers = [
        subprocess.Popen(
            [*command, str(number)], env=environment(), stdout=subprocess.PIPE, text=True
        )
        for number in range(4)
    ]
    found = [int(writer.communicate(timeout=120)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    # All of them took the one secret, whoever made it, so that each read what another one had written.
    assert found == [300] * 4
    cache = CodeCache(str(folder))
    assert all(cache.load(f"{number:064x}") is not None for number in range(7))
    assert len(list(folder.iterdir())) == 7 + 1
