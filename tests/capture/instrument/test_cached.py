"""Instrumented code from the cache is the code that instrumenting gives; and what it is kept under."""

from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from escope.engine.capture.instrument import identity as identities
from escope.engine.capture.instrument import instrument_code
from escope.engine.capture.instrument.identity import identity
from tests.capture.instrument.probing import MemoryTable
from tests.capture.instrument.test_stdlib import LIBRARY, SAMPLE
from tests.launch.recording import environment

SOURCE = """
def outer(a, *b, c=None):
    def inner():
        nonlocal a
        a += 1
        return "text"
    for each in b:
        c = inner(), each
    return c
"""


class Shelf(dict[str, bytes]):
    """A cache in memory."""

    def load(self, name: str) -> bytes | None:
        return self.get(name)

    def store(self, name: str, content: bytes) -> None:
        assert name not in self
        self[name] = content


def handed(*facts: Any) -> tuple[Any, ...]:
    """A probe that is just what it was made of."""
    return ("probe", *facts)


def peeking(*facts: Any) -> tuple[Any, ...]:
    """The same for the core that finds its operands itself."""
    *facts, operands, constants = facts
    constant = constants[operands.constant] if operands.constant >= 0 else None
    assert not isinstance(constant, CodeType)
    return ("probe", *facts, operands, constant)


def joined(probes: tuple[object, ...]) -> tuple[object, ...]:
    """Probes that fire as one."""
    assert len(probes) > 1
    return ("joined", *probes)


def instrumented(code: CodeType, peeks: bool, shelf: Shelf | None) -> tuple[Any, list[Any]]:
    """The code object with probes, taken apart, and the lines of the site table."""
    table = MemoryTable()
    factory: dict[str, Any] = {"probes": handed}
    if peeks:
        factory = {"peeking": peeking, "joining": joined}
    made = instrument_code(code, module="m", source_sha="sha", table=table, cache=shelf, **factory)
    return parts(made), table.lines


def parts(code: CodeType) -> list[Any]:
    """Everything that a code object holds; `repr` tells True from 1 and 0.0 from -0.0."""
    names = [name for name in dir(code) if name.startswith("co_") and name != "co_lnotab"]
    values = {name: getattr(code, name) for name in names}
    values["positions"] = list(values.pop("co_positions")())
    values["lines"] = list(values.pop("co_lines")())
    constants = values.pop("co_consts")
    inner = [parts(one) if isinstance(one, CodeType) else shown(one) for one in constants]
    return [repr(values), inner]


def shown(constant: object) -> str:
    """A constant as text; the order of a set's elements is not its own."""
    return repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


@pytest.mark.parametrize("peeks", [False, True])
@pytest.mark.parametrize("name", SAMPLE)
def test_code_from_the_cache_is_what_instrumenting_gives(name: str, peeks: bool) -> None:
    path = LIBRARY / name
    code = compile(path.read_bytes(), str(path), "exec")
    shelf = Shelf()
    plain = instrumented(code, peeks, None)
    stored = instrumented(code, peeks, shelf)
    assert len(shelf) == 1
    # The code that is loaded another time is an equal one, not the same.
    again = marshal.loads(marshal.dumps(code))
    loaded = instrumented(again, peeks, shelf)
    assert plain == stored
    assert all(line.pop("cached") for line in loaded[1])
    assert loaded == stored


def test_what_cannot_be_rewritten_is_refused_from_the_cache_too() -> None:
    code = compile(SOURCE, "f.py", "exec")
    (inner,) = (one for one in code.co_consts if isinstance(one, CodeType))
    # Without its first instruction, RESUME: not as the compiler makes it.
    broken = inner.replace(co_code=b"\x09\x00" * (len(inner.co_code) // 2))
    constants = tuple(broken if one is inner else one for one in code.co_consts)
    code = code.replace(co_consts=constants)
    shelf = Shelf()
    first = instrumented(code, True, shelf)
    second = instrumented(code, True, shelf)
    refused = [line for line in first[1] if line["type"] == "skipped"]
    assert [line["qualname"] for line in refused] == ["outer"]
    assert first[0] == second[0]
    assert [line for line in second[1] if line["type"] == "skipped"] == refused


def test_an_entry_serves_a_copy_of_the_source_elsewhere() -> None:
    shelf = Shelf()
    one, _ = instrumented(compile(SOURCE, "/one/f.py", "exec"), True, shelf)
    other, lines = instrumented(compile(SOURCE, "/other/f.py", "exec"), True, shelf)
    assert len(shelf) == 1
    assert "/other/f.py" in other[0]
    assert "/one/f.py" in one[0]
    assert {line["file"] for line in lines} == {"/other/f.py"}


def named(source: str, *, sha: str = "", peeking: bool = True, **compiling: Any) -> str | None:
    return identity(compile(source, "f.py", "exec", dont_inherit=True, **compiling), sha, peeking)


def test_the_identity_tells_what_decides_and_nothing_else() -> None:
    known = named(SOURCE)
    assert known is not None
    assert len(known) == 64
    assert named(SOURCE) == known
    others = {
        named(SOURCE, sha="1"),
        named(SOURCE, peeking=False),
        named("\n" + SOURCE),
        named(SOURCE.replace("each", "item")),
        named(SOURCE.replace("    for each", "    for  each")),
        named(SOURCE.replace('"text"', "None")),
        named(SOURCE + "\nassert outer", optimize=0),
    }
    assert len(others) == 7
    assert known not in others
    # Without its assertion that is the same code; the hash of the source, here none, is what differs.
    assert named(SOURCE + "\nassert outer", optimize=1) == known


def test_the_identity_is_the_same_in_every_process() -> None:
    text = (
        "import sys\n"
        "from escope.engine.capture.instrument.identity import identity\n"
        "print(identity(compile(sys.argv[1], 'f.py', 'exec'), '', True))"
    )
    command = [sys.executable, "-c", text, SOURCE]
    said = {
        subprocess.run(
            command,
            env={**environment(), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "random")
    }
    assert said == {named(SOURCE)}


def test_another_instrumenter_takes_nothing_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = named(SOURCE)
    changed = tmp_path / "plan.py"
    changed.write_bytes(identities._SOURCES[-1].read_bytes() + b"\n")
    for sources in ((*identities._SOURCES[:-1], changed), identities._SOURCES[:-1]):
        monkeypatch.setattr(identities, "_SOURCES", sources)
        identities.instrumenter.cache_clear()
        assert named(SOURCE) != known
    monkeypatch.setattr(identities, "_SOURCES", (tmp_path / "missing.py",))
    identities.instrumenter.cache_clear()
    assert named(SOURCE) is None
    monkeypatch.undo()
    identities.instrumenter.cache_clear()
    assert named(SOURCE) == known


def test_the_sources_that_decide_are_all_there() -> None:
    folder = Path(identities.__file__).parent
    assert {path.name for path in folder.glob("*.py")} <= {
        path.name for path in identities._SOURCES
    }
    assert all(path.is_file() for path in identities._SOURCES)
