"""The recording's side of the comparison: line moments, stacks and values, read through the public API."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
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


def flatten(document: Value, objects: dict[int, Value]) -> Value:
    """Turn a nested VALUE into a V whose objects are in `objects`, keyed by escope's id; never recurses."""
    root: list[Value] = []
    waiting: deque[tuple[Value, list[Value]]] = deque([(document, root)])
    while waiting:
        value, parent = waiting.popleft()
        if "ref" in value:
            parent.append({"ref": value["ref"]})
            continue
        number = value.get("id")
        if number is None:
            parent.append(value)
            continue
        parent.append({"ref": number})
        known = objects.get(number)
        if known is not None and ("items" in known or "attributes" in known):
            continue
        node = {
            key: value[key]
            for key in ("type", "length", "repr", "name", "label", "summary", "fields")
            if key in value
        }
        objects[number] = node
        if "items" in value:
            slots: list[list[Value]] = []
            node["items"] = slots
            for item in value["items"]:
                slot: list[Value] = []
                slots.append(slot)
                waiting.extend((part, slot) for part in _parts(item))
        if "attributes" in value:
            attributes: dict[str, list[Value]] = {}
            node["attributes"] = attributes
            for name, item in value["attributes"].items():
                attributes[name] = slot = []
                waiting.append((item, slot))
    return root[0]


def _parts(item: Any) -> Iterator[Value]:
    if isinstance(item, list):
        yield from item
    else:
        yield item
