"""Where a recording goes, and what stands in its way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from escope.engine.launch.output import claim
from escope.errors import UsageError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_names_count_up_past_files_and_unfinished_recordings(here: Path) -> None:
    assert claim("prog", None, False).file == here / "prog.esr"
    (here / "prog-2.esr").touch()
    assert claim("prog", None, False).file == here / "prog-3.esr"


def test_the_directory_is_for_its_owner_only(here: Path) -> None:
    old = os.umask(0)
    try:
        part = claim("prog", None, False).part
    finally:
        os.umask(old)
    assert part.name == "prog.esr.part"
    assert part.stat().st_mode & 0o777 == 0o700


def test_an_existing_file_is_refused_and_kept(here: Path) -> None:
    (here / "a.esr").write_text("old")
    with pytest.raises(UsageError, match=r"'a\.esr' exists; --force"):
        claim("prog", "a.esr", False)
    assert (here / "a.esr").read_text() == "old"


def test_force_replaces_a_file_and_an_unfinished_recording(here: Path) -> None:
    (here / "a.esr").write_text("old")
    (here / "a.esr.part").mkdir()
    (here / "a.esr.part" / "manifest.json").write_text('{"pid": 0}')
    output = claim("prog", "a.esr", True)
    assert not output.file.exists()
    assert list(output.part.iterdir()) == []


def test_an_unfinished_recording_is_refused_without_force(here: Path) -> None:
    (here / "a.esr.part").mkdir()
    with pytest.raises(UsageError, match="unfinished recording"):
        claim("prog", "a.esr", False)


def test_a_recording_that_is_being_made_is_refused_even_with_force(here: Path) -> None:
    (here / "a.esr.part").mkdir()
    (here / "a.esr.part" / "manifest.json").write_text(f'{{"pid": {os.getpid()}}}')
    with pytest.raises(UsageError, match="being recorded right now"):
        claim("prog", "a.esr", True)


def test_a_directory_is_no_place(here: Path) -> None:
    (here / "d").mkdir()
    for asked in ("d", "d/", "."):
        with pytest.raises(UsageError, match="it is a directory"):
            claim("prog", asked, True)


def test_a_device_is_not_replaced(here: Path) -> None:
    os.mkfifo(here / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        claim("prog", "pipe", True)


def test_a_missing_directory_is_named(here: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write 'no/a\.esr': the directory 'no' does not"):
        claim("prog", "no/a.esr", False)


def test_a_file_in_the_way_of_the_directory_is_named(here: Path) -> None:
    (here / "f").touch()
    with pytest.raises(UsageError, match="Not a directory"):
        claim("prog", "f/a.esr", False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_named(here: Path) -> None:
    (here / "ro").mkdir(mode=0o500)
    with pytest.raises(UsageError, match="Permission denied"):
        claim("prog", "ro/a.esr", False)
