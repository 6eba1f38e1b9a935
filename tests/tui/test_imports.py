"""Who may know whom in the player."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import escope.tui

HERE = Path(escope.tui.__file__).parent
ALLOWED_IN_WIDGETS = {
    "escope.tui.picture",
    "escope.tui.plain",
    "escope.tui.highlight",
    "escope.tui.styles",
    "escope.tui.widgets",
}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", sorted((HERE / "widgets").glob("*.py")), ids=lambda p: p.name)
def test_widgets_know_only_pictures_and_colours(path: Path) -> None:
    for name in imported(path):
        if name.startswith("escope"):
            assert any(name == one or name.startswith(f"{one}.") for one in ALLOWED_IN_WIDGETS), (
                name
            )


@pytest.mark.parametrize("name", ["view.py", "picture.py", "plain.py", "keys.py"])
def test_what_is_pure_knows_no_toolkit(name: str) -> None:
    assert not any(one.split(".")[0] in ("textual", "rich") for one in imported(HERE / name))


def test_only_the_emulator_knows_its_library() -> None:
    users = {path.name for path in HERE.rglob("*.py") if "pyte" in imported(path)}
    assert users == {"emulator.py"}
