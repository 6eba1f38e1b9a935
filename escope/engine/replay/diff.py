"""What turns one state into another.

A change is `{"op", "path", "before", "after"}`.  A path is a list of steps, each a word and its operand:

    thread 1, frame 7       a thread, one of its frames (by their numbers)
    variable "x"            a variable of a frame
    item 3                  an item of a sequence
    key VALUE               an entry of a mapping
    key-object VALUE        the key itself, where it is an object that changed
    element VALUE           an element of a set
    attribute "x"           an attribute

and perhaps one last word: `line` of a frame; `id`, `label`, `length`, `name`, `summary`, `scalar` of an
object.  Changes are to be applied in their order; the index of an item is the one at that time.  `add` of an
item inserts before it; `add` of a frame has the place in the stack in `at`.  A change of `id` says that
another object has taken the place: a copy of the one before, to which the changes that follow are made.

Objects are followed by their identity: one that can be reached on several paths is described on the first,
and `{"ref": id}` stands for an object that is described elsewhere, or that is not changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from escope.engine.replay.alignment import align
from escope.engine.replay.content import MAPPINGS, SEQUENCES, SETS, Content
from escope.engine.replay.scalars import Raw, is_object
from escope.engine.replay.value import Document, Value, View
from escope.storage.rows import Shape

if TYPE_CHECKING:
    from escope.engine.replay.state import FrameState, State, ThreadState

_FEW = 16

Path = tuple[Any, ...]
"""The path before, then words and operands: linked, so that deep nesting costs no more than its depth."""


@dataclass(slots=True)
class Change:
    """One change; `before` and `after` are values, or documents of threads and frames."""

    op: str
    """add, remove or change."""
    path: list[Any]
    before: Value | dict[str, Any] | None = None
    after: Value | dict[str, Any] | None = None
    at: int | None = None
    document: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """One of the list of `diff --json`."""
        assert self.document is not None
        return self.document


def diff_states(first: State, second: State) -> list[Change]:
    """What turns `first` into `second`."""
    differ = Differ(first.view, second.view, by_identity=True)
    olds = {thread.id: thread for thread in first.threads}
    news = {thread.id: thread for thread in second.threads}
    for number, old in olds.items():
        if number not in news:
            differ.emit("remove", ((), "thread", number), old, None)
    for number, new in news.items():
        path = ((), "thread", number)
        earlier = olds.get(number)
        if earlier is None:
            differ.emit("add", path, None, new)
        else:
            differ.stacks(earlier, new, path)
    return differ.finish()


def diff_frames(first: FrameState, second: FrameState) -> list[Change]:
    """What differs between two frames, by structure: which objects hold equal content does not matter."""
    differ = Differ(first.state.view, second.state.view, by_identity=False)
    differ.frame(first, second, ())
    return differ.finish()


class Differ:
    """Walks two views side by side, breadth first, so that parents come before their parts."""

    def __init__(self, first: View, second: View, by_identity: bool) -> None:
        self._first = first
        self._second = second
        self._by_identity = by_identity
        self._changes: list[Change] = []
        self._queue: deque[tuple[Raw, Raw, Path]] = deque()
        self._met: dict[int, int] = {}
        """Objects of the second view that were paired, to their partners."""
        self._pairs: set[tuple[int, int]] = set()

    def emit(self, op: str, path: Path, before: Any, after: Any, at: int | None = None) -> None:
        """Note a change."""
        self._changes.append(Change(op, _flat(path), before, after, at))

    def stacks(self, old: ThreadState, new: ThreadState, path: Path) -> None:
        """Compare the frames of a thread."""
        place = 0
        for i, j in align([f.id for f in old.frames], [f.id for f in new.frames]):
            a = None if i is None else old.frames[i]
            b = None if j is None else new.frames[j]
            if a is not None and b is not None and a.id == b.id:
                self.frame(a, b, (path, "frame", a.id))
            else:
                if a is not None:
                    self.emit("remove", (path, "frame", a.id), a, None)
                if b is not None:
                    self.emit("add", (path, "frame", b.id), None, b, place)
            place += b is not None

    def frame(self, old: FrameState, new: FrameState, path: Path) -> None:
        """Compare two frames of one function."""
        if old.line != new.line:
            self.emit("change", (path, "line"), _number(old.line), _number(new.line))
        self._named("variable", old.variables.raws, new.variables.raws, path)

    def finish(self) -> list[Change]:
        """Compare all that was found on the way; returns the changes with their documents."""
        while self._queue:
            self._compare(*self._queue.popleft())
        described = _Documents(set(self._met.values())), _Documents(set(self._met))
        for change in self._changes:
            document: dict[str, Any] = {"op": change.op, "path": []}
            change.path = [
                described[1].show(step) if isinstance(step, Value) else step for step in change.path
            ]
            document["path"] = change.path
            if change.before is not None:
                document["before"] = described[0].show(change.before)
            if change.after is not None:
                document["after"] = described[1].show(change.after)
            if change.at is not None:
                document["at"] = change.at
            change.document = document
            for side in ("before", "after"):
                if not isinstance(getattr(change, side), Value):
                    setattr(change, side, document.get(side))
        return self._changes

    def _compare(self, old: Raw, new: Raw, path: Path) -> None:
        if not (is_object(old) and is_object(new)):
            if self._key(self._first, old) != self._key(self._second, new):
                self._replace(old, new, path)
            return
        a, b = old[1], new[1]
        if self._by_identity:
            if b in self._met:
                if a != b:
                    self._replace(old, new, path)
                return
        elif (a, b) in self._pairs:
            return
        before, after = self._first.content(a), self._second.content(b)
        if before is None or after is None or not self._same_kind(before, after):
            if before is not after or a != b:
                self._replace(old, new, path)
            return
        if a != b and self._by_identity and _is_plain(after):
            self._replace(old, new, path)
            return
        self._pairs.add((a, b))
        self._met[b] = a
        if a != b and self._by_identity:
            self.emit("change", (path, "id"), _number(a), _number(b))
        self._contents(before, after, path)

    def _contents(self, old: Content, new: Content, path: Path) -> None:
        if old is new:
            # Not touched in between; but what it refers to may have been.
            for place, raw in enumerate(old.items):
                self._enqueue(raw, raw, (path, "item", place))
        else:
            self._aspects(old, new, path)
            if old.shape in SEQUENCES:
                self._items(old, new, path)
        if old.shape in SETS:
            self._elements(old, new, path)
        elif old.shape in MAPPINGS:
            self._entries(old, new, path)
        self._named("attribute", old.attributes, new.attributes, path)

    def _aspects(self, old: Content, new: Content, path: Path) -> None:
        if old.label != new.label:
            self.emit("change", (path, "label"), _text(old.label.text), _text(new.label.text))
        lengths = old.length, new.length
        if lengths[0] != lengths[1]:
            shown = [None if length is None else _number(length) for length in lengths]
            self.emit("change", (path, "length"), shown[0], shown[1])
        for word in ("name", "scalar", "summary"):
            before, after = getattr(old, word), getattr(new, word)
            if before is not None and after is not None:
                self._compare(before, after, (path, word))
            elif before is not after:
                self._replace(before, after, (path, word))

    def _items(self, old: Content, new: Content, path: Path) -> None:
        keys = [self._key(self._first, raw) for raw in old.items]
        others = [self._key(self._second, raw) for raw in new.items]
        place = 0
        for i, j in align(keys, others):
            here = (path, "item", place)
            if j is None:
                assert i is not None
                self.emit("remove", here, self._first.value(old.items[i]), None)
                continue
            if i is None:
                self.emit("add", here, None, self._second.value(new.items[j]))
            else:
                self._enqueue(old.items[i], new.items[j], here)
            place += 1

    def _elements(self, old: Content, new: Content, path: Path) -> None:
        keys = {self._key(self._first, raw): raw for _, raw in old.entries.values()}
        others = {self._key(self._second, raw): raw for _, raw in new.entries.values()}
        for key, raw in keys.items():
            if key not in others:
                value = self._first.value(raw)
                self.emit("remove", (path, "element", value), value, None)
            elif is_object(raw):
                step = ("element", self._second.value(others[key]))
                self._enqueue(raw, others[key], (path, *step))
        for key, raw in others.items():
            if key not in keys:
                value = self._second.value(raw)
                self.emit("add", (path, "element", value), None, value)

    def _entries(self, old: Content, new: Content, path: Path) -> None:
        olds = self._by_key(self._first, old)
        news = self._by_key(self._second, new)
        order = {key: place for place, key in enumerate(olds)}
        kept: set[Hashable] = set()
        last = -1
        # Whatever is set anew goes to the end, so only a beginning in unchanged order can stay.
        for key in news:
            place = order.get(key, -1)
            if place <= last:
                break
            kept.add(key)
            last = place
        for key, (name, raw) in olds.items():
            if key not in kept:
                step = ("key", self._first.value(name))
                self.emit("remove", (path, *step), self._first.value(raw), None)
        for key, (name, raw) in news.items():
            step = ("key", self._second.value(name))
            if key in kept:
                self._enqueue(olds[key][0], name, (path, "key-object", step[1]))
                self._enqueue(olds[key][1], raw, (path, *step))
            else:
                self.emit("add", (path, *step), None, self._second.value(raw))

    def _by_key(self, view: View, content: Content) -> dict[Hashable, tuple[Raw, Raw]]:
        return {self._key(view, name): (name, raw) for name, raw in content.entries.values()}

    def _named(self, word: str, old: dict[str, Raw], new: dict[str, Raw], path: Path) -> None:
        for name, raw in old.items():
            if name not in new:
                self.emit("remove", (path, word, name), self._first.value(raw), None)
        for name, raw in new.items():
            if name in old:
                self._enqueue(old[name], raw, (path, word, name))
            else:
                self.emit("add", (path, word, name), None, self._second.value(raw))

    def _enqueue(self, old: Raw, new: Raw, path: Path) -> None:
        # Equal scalars are most of all there is.
        if old != new or is_object(old):
            self._queue.append((old, new, path))

    def _replace(self, old: Raw | None, new: Raw | None, path: Path) -> None:
        before = None if old is None else self._first.value(old)
        after = None if new is None else self._second.value(new)
        self.emit("change", path, before, after)

    def _same_kind(self, old: Content, new: Content) -> bool:
        if old.shape != new.shape:
            return False
        store = self._second.store
        return old.type_id == new.type_id or store.type(old.type_id) == store.type(new.type_id)

    def _key(self, view: View, raw: Raw, depth: int = 0) -> Hashable:
        """Equal for values that are to be taken for the same one."""
        tag, value = raw
        if not is_object(raw):
            if isinstance(value, str):
                return ("str", value)
            label = view.scalars.label(raw)
            if tag in (0, 12):
                return ("none", tag, value)
            shown: Any = view.scalars.python(raw)
            # `repr` tells 0.0 from -0.0, 1 from True, and a NaN from nothing.
            text = shown if isinstance(shown, (str, bytes, int)) else repr(shown)
            return (
                type(shown).__name__,
                text,
                label,
                view.scalars.full_length(raw) if label else 0,
            )
        if self._by_identity:
            return ("object", value)
        content = view.content(value)
        if content is None:
            return ("object", "unknown")
        parts = [store_type(view, content), content.size]
        if depth < 2:
            raws = content.items[:8] or [one for _, one in list(content.entries.values())[:8]]
            raws = raws + list(content.attributes.values())[:8]
            parts += [self._key(view, one, depth + 1) for one in raws]
        if content.scalar is not None:
            parts.append(self._key(view, content.scalar, depth + 1))
        if content.name is not None:
            parts.append(self._key(view, content.name, depth + 1))
        return tuple(parts)


def _is_plain(content: Content) -> bool:
    """Whether the object is best shown whole when another one takes its place."""
    if content.shape in (Shape.TUPLE, Shape.FROZENSET):
        raws = content.items or [raw for _, raw in content.entries.values()]
        return len(raws) <= _FEW and not any(is_object(raw) for raw in raws)
    return content.shape in (Shape.NAMED, Shape.OPAQUE, Shape.SCALAR)


class _Documents:
    """Prints values; what is described elsewhere as a reference."""

    def __init__(self, known: set[int]) -> None:
        self._document = Document()
        self._document.note(known)

    def show(self, value: Any) -> dict[str, Any]:
        """The document of a value, thread, frame, or of what already is one."""
        if isinstance(value, dict):
            return value
        if isinstance(value, Value):
            return self._document.value(value)
        shown: dict[str, Any] = value.to_json(self._document)
        return shown


def store_type(view: View, content: Content) -> str:
    """The name of the content's type."""
    return view.store.type(content.type_id).name


def _flat(path: Path) -> list[Any]:
    parts: list[Any] = []
    while path:
        parts += path[:0:-1]
        path = path[0]
    parts.reverse()
    return parts


def _number(number: int) -> dict[str, Any]:
    return {"type": "int", "repr": str(number)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "str", "repr": repr(text)}
