"""The import hook: what is in scope gets other code, and nothing else about a module changes."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import zipfile
from collections.abc import Iterator
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest

from escope.engine.capture.loader import RecordingFinder
from escope.engine.capture.scope import Scope


class Table:
    def __init__(self) -> None:
        self.skipped: list[tuple[str, str | None, str]] = []

    def skip(self, module: str, file: str | None, reason: str) -> None:
        self.skipped.append((module, file, reason))


class Untapped:
    def concerns(self, module: str) -> bool:
        return False

    def of_module(self, code: CodeType, module: str) -> CodeType:
        raise AssertionError(module)


class FakeRecorder:
    """Replaces 41 by 42 in what it is given, so that instrumented code can be told."""

    def __init__(self) -> None:
        self.table = Table()
        self.taps = Untapped()
        self.instrumented: list[tuple[str, bytes]] = []

    def detach(self, reason: str) -> None:
        raise AssertionError(reason)

    def instrument(self, code: CodeType, module: str, source: bytes) -> CodeType:
        self.instrumented.append((module, source))
        constants = tuple(42 if constant == 41 else constant for constant in code.co_consts)
        return code.replace(co_consts=constants)


@pytest.fixture
def recorder() -> FakeRecorder:
    return FakeRecorder()


@pytest.fixture
def finder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder: FakeRecorder
) -> Iterator[RecordingFinder]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    finder = RecordingFinder(recorder, Scope([str(tmp_path)], exclude=["escopetest_left_out"]))
    finder.install()
    yield finder
    finder.uninstall()
    for name in set(sys.modules) - before:
        if name.startswith("escopetest"):
            del sys.modules[name]


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text)
    importlib.invalidate_caches()
    return path


@pytest.mark.usefixtures("finder")
def test_modules_in_scope_run_instrumented_code(tmp_path: Path, recorder: FakeRecorder) -> None:
    path = write(tmp_path, "escopetest_a.py", "x = 41\n")
    module = importlib.import_module("escopetest_a")
    assert module.x == 42
    assert recorder.instrumented == [("escopetest_a", path.read_bytes())]


@pytest.mark.usefixtures("finder")
def test_a_loaded_module_looks_as_it_always_does(tmp_path: Path) -> None:
    path = write(tmp_path, "escopetest_b.py", "x = 41\n")
    module = importlib.import_module("escopetest_b")
    assert type(module.__loader__) is SourceFileLoader
    assert vars(module.__loader__) == {"name": "escopetest_b", "path": str(path)}
    assert module.__spec__.loader is module.__loader__
    assert module.__file__ == module.__spec__.origin == str(path)
    assert module.__cached__ == importlib.util.cache_from_source(str(path))
    assert module.__loader__.get_source("escopetest_b") == "x = 41\n"


@pytest.mark.usefixtures("finder")
def test_cache_files_hold_no_probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write(tmp_path, "escopetest_c.py", "x = 41\n")
    assert importlib.import_module("escopetest_c").x == 42
    cached = Path(importlib.util.cache_from_source(str(path)))
    assert cached.exists()
    namespace: dict[str, object] = {}
    exec(SourceFileLoader("escopetest_c", str(path)).get_code("escopetest_c"), namespace)
    assert namespace["x"] == 41


@pytest.mark.usefixtures("finder")
def test_reloading_instruments_anew(tmp_path: Path, recorder: FakeRecorder) -> None:
    write(tmp_path, "escopetest_d.py", "x = 41\n")
    module = importlib.import_module("escopetest_d")
    module.x = 0
    assert importlib.reload(module).x == 42
    assert len(recorder.instrumented) == 2


@pytest.mark.usefixtures("finder")
def test_packages_and_relative_imports_work(tmp_path: Path, recorder: FakeRecorder) -> None:
    write(tmp_path, "escopetest_p/__init__.py", "from . import sub\n")
    write(tmp_path, "escopetest_p/sub.py", "x = 41\n")
    assert importlib.import_module("escopetest_p").sub.x == 42
    assert [name for name, _ in recorder.instrumented] == ["escopetest_p", "escopetest_p.sub"]


@pytest.mark.usefixtures("finder")
def test_modules_in_zip_files_are_instrumented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder: FakeRecorder
) -> None:
    with zipfile.ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("escopetest_z1.py", "import escopetest_z2\nx = 41\n")
        archive.writestr("escopetest_z2.py", "x = 41\n")
    monkeypatch.syspath_prepend(str(tmp_path / "lib.zip"))
    module = importlib.import_module("escopetest_z1")
    assert (module.x, module.escopetest_z2.x) == (42, 42)
    assert recorder.instrumented[1] == ("escopetest_z2", b"x = 41\n")


@pytest.mark.usefixtures("finder")
def test_what_is_left_out_is_plain_and_has_its_reason(
    tmp_path: Path, recorder: FakeRecorder
) -> None:
    path = write(tmp_path, "escopetest_left_out.py", "x = 41\n")
    assert importlib.import_module("escopetest_left_out").x == 41
    reason = "excluded by --exclude escopetest_left_out"
    assert recorder.table.skipped == [("escopetest_left_out", str(path), reason)]


@pytest.mark.usefixtures("finder")
def test_a_module_that_does_not_compile_fails_without_a_frame_of_escope(tmp_path: Path) -> None:
    write(tmp_path, "escopetest_e.py", "x = = 1\n")
    with pytest.raises(SyntaxError) as caught:
        importlib.import_module("escopetest_e")
    text = "".join(traceback.format_exception(caught.value))
    assert "capture/loader.py" not in text


def test_code_of_the_main_module_is_named_so(
    tmp_path: Path, finder: RecordingFinder, recorder: FakeRecorder
) -> None:
    write(tmp_path, "escopetest_m.py", "x = 41\n")
    finder.mains = frozenset({"escopetest_m"})
    spec = importlib.util.find_spec("escopetest_m")
    assert spec is not None
    assert isinstance(spec.loader, SourceFileLoader)
    code = spec.loader.get_code("escopetest_m")
    assert code is not None
    assert 42 in code.co_consts
    assert recorder.instrumented[0][0] == "__main__"


def test_the_finder_stands_before_the_path_finder(finder: RecordingFinder) -> None:
    assert sys.meta_path.index(finder) + 1 == sys.meta_path.index(PathFinder)
    finder.uninstall()
    assert finder not in sys.meta_path


class Foreign:
    """A finder and loader of its own, as pytest's is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find_spec(self, name: str, path: object, target: object = None) -> object:
        if name != "escopetest_foreign":
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)  # type: ignore[arg-type]

    def create_module(self, spec: object) -> None:
        return None

    def exec_module(self, module: object) -> None:
        module.x = 41  # type: ignore[attr-defined]


def test_modules_that_other_importers_load_are_accounted_for(
    tmp_path: Path, finder: RecordingFinder, recorder: FakeRecorder
) -> None:
    path = write(tmp_path, "escopetest_foreign.py", "x = 41\n")
    write(tmp_path, "escopetest_own.py", "x = 41\n")
    foreign = Foreign(path)
    sys.meta_path.insert(0, foreign)  # type: ignore[arg-type]
    try:
        importlib.import_module("escopetest_foreign")
        importlib.import_module("escopetest_own")
    finally:
        sys.meta_path.remove(foreign)  # type: ignore[arg-type]
    finder.account()
    assert recorder.table.skipped == [("escopetest_foreign", str(path), "loaded by Foreign")]
