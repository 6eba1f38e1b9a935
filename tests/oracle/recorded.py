"""The recording's side of the comparison: line moments, stacks and values, read through the public API."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

from escope.engine.replay.recording import Recording
from escope.events import Kind

Value = dict[str, Any]


class RecordedRun:
    """One open recording and its line moments by thread."""

    def __init__(self, path: Path, root: Path) -> None:
        self.recording = Recording.open(path)
        self.root = str(root) + os.sep
        self.info: dict[str, Any] = self.recording.info()
        self.moments: dict[str, list[tuple[int, tuple[str, int, str]]]] = {}
        names: dict[int, str] = {}
        for event in self.recording.events(kinds={Kind.LINE}):
            if event.thread not in names:
                names[event.thread] = self.recording.at(event.seq).thread(event.thread).name
            file = event.file.removeprefix(self.root)
            self.moments.setdefault(names[event.thread], []).append(
                (event.seq, (file, event.line, event.function))
            )
        self.threads = {name: number for number, name in names.items()}

    def frames(self, thread: str, seq: int) -> list[Any]:
        """The frames of `thread` at `seq`, outermost first."""
        return list(self.recording.at(seq).thread(self.threads[thread]).frames)

    def close(self) -> None:
        """Close the recording."""
        self.recording.close()


def flatten(value: Any, objects: dict[int, Value]) -> Value:
    """The V of a `Value`; everything reachable from it is in `objects` by escope's id.  Never recurses."""
    root: list[Value] = []
    waiting: deque[tuple[Any, list[Value]]] = deque([(value, root)])
    while waiting:
        item, parent = waiting.popleft()
        if item.is_scalar:
            parent.append(item.to_json())
            continue
        number = item.id
        parent.append({"ref": number})
        if number in objects:
            continue
        node = objects[number] = item.to_json(depth=0)
        # With depth 0 a document says `truncated` of whatever has content; that is not the value's own.
        if item.child_count:
            node.pop("label", None)
            if item.label is not None:
                node["label"] = item.label
        node.pop("items", None)
        node.pop("attributes", None)
        for child in item.children():
            slot: list[Value] = []
            if child.kind == "attribute":
                node.setdefault("attributes", {})[child.name] = slot
            else:
                if child.kind == "entry":
                    if _is_builtins(child.name):
                        node["length"] -= 1
                        continue
                    waiting.append((child.name, slot))
                node.setdefault("items", []).append(slot)
            waiting.append((child.value, slot))
    return root[0]


def _is_builtins(key: Any) -> bool:
    # What the interpreter puts into a namespace, which the snapshots leave out as well.
    return bool(key.is_scalar and key.to_json().get("repr") == "'__builtins__'")
