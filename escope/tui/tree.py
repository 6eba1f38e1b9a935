"""The rows of the state tree: the opened branches of a frame's variables, and which have changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from escope.storage.rows import Shape
from escope.tui.picture import Path, TreeRow
from escope.tui.plain import plain

if TYPE_CHECKING:
    from escope.engine.replay.state import FrameState
    from escope.engine.replay.value import Child, Value

PAGE = 100
"""Items of a container that one page shows."""
DEEPEST = 40
BUDGET = 400
"""Objects looked into to tell whether a closed branch has changed."""
VALUE_WIDTH = 120

LOCALS, DEFINITIONS, GLOBALS = "", "definitions", "globals"

Pair = tuple[str, "Value", "Value | None"]
"""Name, value, and value before; without one: None."""


class Comparison:
    """Tells whether a value is still what it was; bounded, so that a huge graph costs no more."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._seen: set[int] = set()

    def changed(self, before: Value, now: Value) -> bool:
        """Whether the two differ, as far as the budget reaches."""
        if before.is_scalar or now.is_scalar:
            if before.is_scalar != now.is_scalar:
                return True
            return before.raw != now.raw and before.summary(200) != now.summary(200)
        if before.id != now.id:
            return True
        assert now.id is not None
        if now.id in self._seen or self._budget <= 0:
            return False
        self._seen.add(now.id)
        self._budget -= 1
        old, new = before.content, now.content
        if old is None or new is None:
            return old is not new
        # The same content may hold objects that have another one now.
        if old is not new and (
            old.items != new.items
            or old.attributes != new.attributes
            or old.scalar != new.scalar
            or old.entries != new.entries
        ):
            return True
        pairs = zip(before.children(0, PAGE), now.children(0, PAGE), strict=False)
        return any(self.changed(a.value, b.value) for a, b in pairs if not b.value.is_scalar)


def kind_of(value: Value) -> str:
    """The class of colour of a value."""
    if value.is_scalar:
        if value.label and value.raw[0] not in (5, 6):
            return "label"
        return "string" if isinstance(_scalar(value), (str, bytes)) else "scalar"
    if value.shape is None or value.shape is Shape.OPAQUE:
        return "label"
    return "object" if value.shape in (Shape.INSTANCE, Shape.NAMED) else "container"


def _scalar(value: Value) -> object:
    try:
        return value.scalar
    except Exception:
        return None


def child_name(child: Child) -> str:
    """How a branch is called in the tree, and in paths."""
    if child.kind == "item":
        return f"[{child.name}]"
    if child.kind == "attribute":
        return f".{plain(str(child.name))}"
    if child.kind == "element":
        return "•"
    assert child.name is not None
    assert not isinstance(child.name, (int, str))
    return f"[{plain(child.name.summary(60))}]"


def child_key(child: Child) -> str:
    """The step of a path that leads to a branch; unlike its name it tells elements apart."""
    name = child_name(child)
    return name if child.kind != "element" else f"{name}{child.value.summary(60)}"


def values_along(frame: FrameState, path: Path) -> list[Value]:
    """The variable at the beginning of `path`, and what each further step leads to, as far as it goes."""
    section, name, *steps = path
    variables = frame.globals() if section == GLOBALS else frame.variables
    if name not in variables:
        return []
    values = [variables[name]]
    for step in steps:
        found = (child.value for child in values[-1].children() if child_key(child) == step)
        value = next(found, None)
        if value is None:
            break
        values.append(value)
    return values


def value_at(frame: FrameState | None, path: Path) -> Value | None:
    """The value at `path`; None where there is none."""
    values = values_along(frame, path) if frame is not None else []
    return values[-1] if len(values) == len(path) - 1 else None


def reached(frame: FrameState | None, path: Path) -> set[int]:
    """The objects whose change may change the value at `path`: those it lies in, and those in it."""
    waiting = values_along(frame, path) if frame is not None else []
    lies_in = len(waiting) == len(path) - 1
    found: set[int] = {value.id for value in waiting if value.id is not None}
    waiting = waiting[-1:] if lies_in else []
    while waiting and len(found) < BUDGET:
        for child in waiting.pop().children(0, PAGE):
            identity = child.value.id
            if identity is not None and identity not in found:
                found.add(identity)
                waiting.append(child.value)
    return found


class Tree:
    """Makes the rows of one frame; `before` is the same frame at the position left, if it lived."""

    def __init__(
        self,
        frame: FrameState,
        before: FrameState | None,
        expanded: frozenset[Path],
        grown: Mapping[Path, int],
    ) -> None:
        self._frame = frame
        self._before = before
        self._flipped = expanded
        self._grown = grown
        self.changes = 0

    def rows(self) -> tuple[TreeRow, ...]:
        """All rows that are to be seen."""
        return tuple(self._sections())

    def _sections(self) -> Iterator[TreeRow]:
        old = self._before.variables if self._before is not None else None
        data: list[Pair] = []
        definitions: list[Pair] = []
        for name, value in self._frame.variables.items():
            before = old.get(name) if old is not None else None
            hidden = value.shape is Shape.NAMED or (name[:2] == "__" and name[-2:] == "__")
            (definitions if hidden else data).append((name, value, before))
        known = self._before is not None
        yield from self._variables((LOCALS,), data, 0, known)
        if old is not None:
            now = self._frame.variables
            for name in old:
                if name not in now:
                    self.changes += 1
                    yield TreeRow(
                        (LOCALS, name), 0, plain(name), plain(old[name].summary(60)), "gone",
                        changed=True,
                    )  # fmt: skip
        if definitions:
            yield from self._section(DEFINITIONS, definitions, known)
        yield from self._globals()

    def _globals(self) -> Iterator[TreeRow]:
        variables = self._frame.globals()
        if not variables or variables.raws.keys() == self._frame.variables.raws.keys():
            return
        old = self._before.globals() if self._before is not None else None
        pairs: list[Pair] = [
            (name, value, old.get(name) if old is not None else None)
            for name, value in variables.items()
            if value.shape is not Shape.NAMED and not (name[:2] == "__" and name[-2:] == "__")
        ]
        if pairs:
            yield from self._section(GLOBALS, pairs, self._before is not None)

    def _section(self, name: str, pairs: list[Pair], known: bool) -> Iterator[TreeRow]:
        path = (name,)
        opened = path in self._flipped
        yield TreeRow(path, 0, name, str(len(pairs)), "heading", True, opened)
        if opened:
            yield from self._variables(path, pairs, 1, known)

    def _variables(
        self, path: Path, pairs: Iterable[Pair], depth: int, known: bool
    ) -> Iterator[TreeRow]:
        for name, value, before in pairs:
            changed = known and (before is None or Comparison().changed(before, value))
            self.changes += changed
            yield from self._branch(
                (*path, name), plain(name), value, before, changed, depth, default=name == "self"
            )

    def _branch(
        self,
        path: Path,
        name: str,
        value: Value,
        before: Value | None,
        changed: bool,
        depth: int,
        default: bool = False,
    ) -> Iterator[TreeRow]:
        expandable = value.child_count > 0
        opened = expandable and ((path in self._flipped) != default)
        was = ""
        if changed and before is not None and (before.is_scalar or before.id != value.id):
            was = plain(before.summary(30))
        text = plain(value.summary(VALUE_WIDTH))
        if value.label and value.label not in text:
            text = f"{text}  ({value.label})"
        if opened:
            text = _closed_text(value)
        yield TreeRow(path, depth, name, text, kind_of(value), expandable, opened, changed, was)
        if opened and depth < DEEPEST:
            yield from self._children(path, value, before, depth + 1)

    def _children(
        self, path: Path, value: Value, before: Value | None, depth: int
    ) -> Iterator[TreeRow]:
        shown = PAGE * (1 + self._grown.get(path, 0))
        same = before is not None and before.id == value.id
        old = {}
        if same and before is not None:
            for child in before.children(0, shown + PAGE):
                old[_key(child)] = child.value
        for child in value.children(0, shown):
            name = child_name(child)
            was = old.get(_key(child))
            changed = same and (was is None or Comparison().changed(was, child.value))
            yield from self._branch(
                (*path, child_key(child)), name, child.value, was, changed, depth
            )
        hidden = value.child_count - shown
        if hidden > 0:
            text = f"{hidden:,} more, Enter shows the next {min(hidden, PAGE)}"
            yield TreeRow((*path, "…"), depth, "", text, "more")


def _key(child: Child) -> tuple[str, object]:
    if child.kind == "element":
        return ("element", child.value.raw)
    if child.kind == "entry":
        assert child.name is not None
        assert not isinstance(child.name, (int, str))
        return ("entry", child.name.raw)
    return (child.kind, child.name)


def _closed_text(value: Value) -> str:
    """What stands beside a row whose branches are shown below it."""
    name = plain(value.type_name.rpartition(".")[2])
    return name if value.length is None else f"{name} ({value.length:,})"
