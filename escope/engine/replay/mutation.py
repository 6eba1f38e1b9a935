"""What a mutation changed, as a small document.

    {"type": "change", "operations": [OPERATION, ...]}

An OPERATION is one of

    {"op": "append", "value": VALUE}                         a sequence's new last item
    {"op": "splice", "at": 3, "removed": 2, "inserted": [VALUE, ...]}
    {"op": "add" | "discard", "value": VALUE}                an element of a set
    {"op": "set", "key": VALUE, "value": VALUE}              an entry of a mapping
    {"op": "delete", "key": VALUE}
    {"op": "set-attribute", "name": "x", "value": VALUE}
    {"op": "delete-attribute", "name": "x"}
    {"op": "clear"}                                          all items
    {"op": "replace", "value": VALUE}                        the content was written anew
    {"op": "label", "label": "unobserved"}                   the content is no longer exact
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escope.engine.replay.content import SETS
from escope.engine.replay.scalars import Raw, label_of
from escope.engine.replay.value import Document, Value, View
from escope.storage.rows import TAG_MASK, Detail, Tag

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording
    from escope.storage.store import Block


def describe(operations: list[dict[str, Any]], document: Document | None = None) -> dict[str, Any]:
    """The document of what `operations_of` gives."""
    document = document or Document()
    shown: list[dict[str, Any]] = []
    for operation in operations:
        # Content written anew is said whole, although the event's target is that object.
        whole = (
            Document(document.depth, document.items) if operation["op"] == "replace" else document
        )
        shown.append({word: _shown(part, whole) for word, part in operation.items()})
    return {"type": "change", "operations": shown}


def _shown(part: Any, document: Document) -> Any:
    if isinstance(part, list):
        return [document.value(value) for value in part]
    return document.value(part) if isinstance(part, Value) else part


def operations_of(
    recording: Recording, block: Block, event_row: int, target: int, view: View
) -> list[dict[str, Any]]:
    """What the event at `event_row` did to the object `target`: OPERATIONs with values as Values."""
    first = event_row
    while first > 0 and not block.is_event[first - 1]:
        first -= 1
    content = view.content(target)
    is_set = content is not None and content.shape in SETS
    operations: list[dict[str, Any]] = []
    key: Raw = (int(Tag.NOTHING), 0)

    def show(raw: Raw) -> Value:
        return Value(view, raw)

    for head, aux, value in block.rows[first:event_row].tolist():
        site, raw = head >> 8, (head & TAG_MASK, value)
        if site == Detail.KEY:
            key = raw
        elif site == Detail.OBJECT and value == target:
            # What follows fills it anew; one look at the result says it all.
            operations = [{"op": "replace", "value": show((int(Tag.OBJECT), target))}]
            break
        elif aux != target:
            continue
        elif site == Detail.ITEM:
            operations.append({"op": "add" if is_set else "append", "value": show(raw)})
        elif site == Detail.ENTRY:
            operations.append({"op": "set", "key": show(key), "value": show(raw)})
        elif site == Detail.REMOVE:
            operations.append(
                {"op": "discard", "value": show(raw)}
                if is_set
                else {"op": "delete", "key": show(raw)}
            )
        elif site == Detail.ATTR:
            name = recording.scalars.python(key)
            operations.append({"op": "set-attribute", "name": name, "value": show(raw)})
        elif site == Detail.REMOVE_ATTR:
            name = recording.scalars.python(raw)
            operations.append({"op": "delete-attribute", "name": name})
        elif site == Detail.SPLICE:
            start, count = value >> 32, value & 0xFFFF_FFFF
            operations.append({"op": "splice", "at": start, "removed": count, "inserted": []})
        elif site == Detail.INSERT:
            for operation in reversed(operations):
                if operation["op"] == "splice":
                    operation["inserted"].append(show(raw))
                    break
        elif site == Detail.CLEAR:
            operations.append({"op": "clear"})
        elif site == Detail.SCALAR:
            operations.append({"op": "replace", "value": show(raw)})
        elif site == Detail.RELABEL:
            operations.append({"op": "label", "label": label_of(value).text})
    return operations
