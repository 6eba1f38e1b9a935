"""What the site table writes is what the storage reads, and what cannot be instrumented is listed."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from escope.engine.capture.instrument import instrument_code
from escope.engine.capture.sites import SiteTable
from escope.errors import CaptureError, RecordingError
from escope.events import Kind
from escope.storage.rows import FIRST_SITE
from escope.storage.sites import Sites
from tests.capture.instrument.probing import FILE, Log, MemoryTable

SOURCE = (
    "def f(a, *, b=1):\n"
    "    def g():\n"
    "        yield a\n"
    "    x = [g]\n"
    "    return x\n"
    "class C:\n"
    "    async def m(self): return 1\n"
)


def test_the_storage_reads_what_the_table_writes(tmp_path: Path) -> None:
    table = SiteTable(tmp_path)
    sha = table.add_source(SOURCE.encode())
    code = compile(SOURCE, FILE, "exec")
    instrument_code(code, module="m", source_sha=sha, table=table, probes=Log().factory)
    table.skip("other", "/x/other.py", "not in scope")
    table.add_predicate(1, "len(q) > 3")
    table.close()
    sites = Sites()
    assert sites.follow(tmp_path / "sites.jsonl")
    by_name = {info.qualname: info for info in sites.codes.values()}
    assert set(by_name) == {"<module>", "f", "f.<locals>.g", "C", "C.m"}
    f, g = by_name["f"], by_name["f.<locals>.g"]
    assert (f.module, f.file, f.source, f.first_line, f.last_line) == ("m", FILE, sha, 1, 5)
    assert [f.variables[slot] for slot in f.parameters] == ["a", "b"]
    assert [f.variables[slot] for slot in f.cells] == ["a"]
    assert (g.parent, f.parent, by_name["<module>"].parent) == (f.id, by_name["<module>"].id, 0)
    assert g.flags["generator"]
    assert by_name["C.m"].flags["coroutine"]
    assert by_name["C"].flags["body"] == "class"
    lines = {
        sites.site(number).line
        for number in range(f.first_site, f.end_site)
        if sites.site(number).kind is Kind.LINE
    }
    assert lines == {2, 4, 5}
    assert sites.skipped == [{"module": "other", "file": "/x/other.py", "reason": "not in scope"}]
    assert sites.predicates == [{"number": 1, "text": "len(q) > 3"}]
    assert min(info.first_site for info in sites.codes.values()) == FIRST_SITE


def test_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    table = SiteTable(tmp_path)
    sha = table.add_source(b"x = 1\n")
    table.skip("m", None, "why")
    table.close()
    assert sha == hashlib.sha256(b"x = 1\n").hexdigest()
    assert (tmp_path / "sources" / sha).read_bytes() == b"x = 1\n"
    for path in (tmp_path / "sources" / sha, tmp_path / "sites.jsonl"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_table_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    table = SiteTable(tmp_path / "missing")
    with pytest.raises(CaptureError, match=r"sites\.jsonl: cannot be written"):
        table.skip("m", None, "why")


def test_code_that_does_not_add_up_stays_and_is_listed() -> None:
    code = compile(SOURCE, FILE, "exec")
    f = next(one for one in code.co_consts if hasattr(one, "co_code") and one.co_name == "f")
    # Every exception that this table speaks of would be handled outside of the code.
    broken = f.replace(co_exceptiontable=bytes([0x80 | 1, 1, 63, 0]))
    constants = tuple(broken if one is f else one for one in code.co_consts)
    table = MemoryTable()
    made = instrument_code(
        code.replace(co_consts=constants),
        module="m",
        source_sha="",
        table=table,
        probes=Log().factory,
    )
    (skipped,) = table.skipped
    assert skipped["qualname"] == "f"
    assert skipped["reason"] == "a jump out of the code"
    kept = next(one for one in made.co_consts if getattr(one, "co_name", "") == "f")
    assert kept.co_code == f.co_code
    # What is nested in it is instrumented, and belongs to the code around it.
    nested = next(line for line in table.lines if line.get("qualname") == "f.<locals>.g")
    assert nested["type"] == "code"
    assert nested["parent"] == next(x["id"] for x in table.lines if x.get("qualname") == "<module>")


def test_a_predicate_number_that_stands_for_two_texts_is_damage() -> None:
    def line(number: int, text: str) -> bytes:
        return json.dumps({"type": "predicate", "number": number, "text": text}).encode() + b"\n"

    sites = Sites()
    sites.feed(line(1, "a") + line(2, "a") + line(1, "a"))
    with pytest.raises(RecordingError, match="predicate 2 twice"):
        sites.feed(line(2, "b"))
