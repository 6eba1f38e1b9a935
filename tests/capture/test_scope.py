"""Scope: which modules are traced, and the reasons for the others."""

from __future__ import annotations

import json
import os
import sysconfig
from pathlib import Path

import pytest

from escope.engine.capture.scope import ESCOPE, Scope, matches, project_root


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "src" / "pkg").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    (root / "src" / "tool.py").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return root


@pytest.mark.parametrize("marker", ["pyproject.toml", "setup.cfg", "setup.py", ".git"])
def test_the_nearest_directory_with_a_marker_is_the_project(tmp_path: Path, marker: str) -> None:
    inner = tmp_path / "a" / "b"
    (inner / "c").mkdir(parents=True)
    (tmp_path / ".git").touch()
    (inner / marker).touch()
    assert project_root(str(inner / "c")) == str(inner)


def test_all_of_the_scripts_project_is_traced(project: Path) -> None:
    scope = Scope.of_script(str(project / "src" / "tool.py"))
    assert scope.reason("other", str(project / "other.py")) is None
    assert scope.reason("pkg.mod", str(project / "src" / "pkg" / "mod.py")) is None
    assert scope.reason("x", str(project.parent / "x.py")) == "outside the project"


def test_without_a_project_the_scripts_directory_is_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    scope = Scope.of_script(str(home / "script.py"))
    assert scope.reason("near", str(home / "near.py")) is None
    assert scope.reason("far", str(here / "far.py")) == "outside the project"


def test_the_project_of_the_current_directory_is_traced_with_a_script_elsewhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "src")
    scope = Scope.of_script(str(tmp_path / "elsewhere" / "script.py"))
    assert scope.reason("pkg", str(project / "src" / "pkg" / "__init__.py")) is None
    assert scope.reason("__main__", str(tmp_path / "elsewhere" / "script.py")) is None


def test_the_named_module_brings_its_package(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    scope = Scope.of_module("pkg.sub")
    assert scope.reason("pkg.other", str(tmp_path / "lib" / "pkg" / "other.py")) is None
    assert scope.reason("pkgs", str(tmp_path / "lib" / "pkgs.py")) == "outside the project"


def test_the_standard_library_is_never_traced_by_itself(project: Path) -> None:
    scope = Scope(["/"])
    assert scope.reason("json", json.__file__) == "standard library"
    assert Scope.of_module("json").reason("json", json.__file__) == "standard library"


def test_installed_packages_are_never_traced_by_themselves(project: Path) -> None:
    file = os.path.join(sysconfig.get_path("purelib"), "thing", "__init__.py")
    assert Scope(["/"]).reason("thing", file) == "installed package"
    assert Scope.of_module("thing").reason("thing", file) == "installed package"


def test_virtual_environments_inside_a_project_are_not_traced(project: Path) -> None:
    venv = project / ".venv"
    (venv / "src" / "dep").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    scope = Scope.of_script(str(project / "src" / "tool.py"))
    assert scope.reason("dep", str(venv / "src" / "dep" / "__init__.py")) == "virtual environment"


def test_include_takes_in_a_package_and_all_below_it(project: Path) -> None:
    scope = Scope([str(project)], include=["json"])
    assert scope.reason("json", json.__file__) is None
    assert scope.reason("json.decoder", json.decoder.__file__) is None
    assert scope.reason("jsonx", json.__file__) == "standard library"


def test_exclude_wins_over_everything(project: Path) -> None:
    scope = Scope([str(project)], include=["pkg"], exclude=["pkg.tests"])
    file = str(project / "src" / "pkg" / "m.py")
    assert scope.reason("pkg.m", file) is None
    assert scope.reason("pkg.tests", file) == "excluded by --exclude pkg.tests"
    assert scope.reason("pkg.tests.unit", file) == "excluded by --exclude pkg.tests"


def test_escope_never_traces_itself(project: Path) -> None:
    scope = Scope(["/"], include=["*"])
    assert scope.reason("escope.events", os.path.join(ESCOPE, "events.py")) == "part of escope"


@pytest.mark.parametrize(
    ("pattern", "module", "expected"),
    [
        ("a", "a", True),
        ("a", "a.b.c", True),
        ("a.b", "a.b.c", True),
        ("a.*", "a.b.c", True),
        ("a.*", "a", False),
        ("*.tests", "a.b.tests.unit", True),
        ("a", "ab", False),
        ("A", "a", False),
    ],
)
def test_patterns_name_modules_and_packages(pattern: str, module: str, expected: bool) -> None:
    assert matches(pattern, module) is expected
