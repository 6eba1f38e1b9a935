"""One line about a value, for narrow places; safe to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escope.engine.replay.content import MAPPINGS, SEQUENCES, SETS
from escope.storage.rows import Shape, Tag

if TYPE_CHECKING:
    from escope.engine.replay.value import Value

_BRACKETS = {
    Shape.LIST: ("[", "]"),
    Shape.TUPLE: ("(", ")"),
    Shape.SET: ("{", "}"),
    Shape.DICT: ("{", "}"),
    Shape.NAMESPACE: ("{", "}"),
}
_BUILTIN = frozenset({"list", "tuple", "set", "dict"})
_DEEPEST = 3


def summarise(value: Value, width: int) -> str:
    """At most `width` characters that tell what the value is, control characters escaped."""
    text = _show(value, max(width, 1), 0, set())
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip("…") + "…"


def escape(text: str) -> str:
    """`text` with every character that is not printable written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _show(value: Value, room: int, depth: int, inside: set[int]) -> str:
    if value.is_scalar:
        return _scalar(value, room)
    content = value.content
    number = value.id
    assert number is not None
    name = escape(value.type_name)
    if content is None:
        return f"<{name} {number}: {value.label}>"
    scalars = value.view.scalars
    short = name.rpartition(".")[2]
    if content.shape is Shape.NAMED and content.name is not None:
        return f"<{short} {escape(str(scalars.python(content.name)))}>"
    if content.scalar is not None:
        return f"{short}({_scalar(value.view.value(content.scalar), room)})"
    if content.summary is not None:
        return f"<{short} {escape(str(scalars.python(content.summary)))}>"
    if content.shape is Shape.OPAQUE:
        return f"<{name} {value.label or 'opaque'}>"
    if number in inside:
        return "…"
    before, after = _BRACKETS.get(content.shape, ("(", ")"))
    if content.shape in SEQUENCES or content.shape in SETS or content.shape in MAPPINGS:
        if content.shape is Shape.TUPLE and value.view.store.type(content.type_id).fields:
            before = f"{short}("
        elif name not in _BUILTIN:
            before, after = f"{short}({before}", f"{after})"
        if content.size == 0 and content.shape is Shape.SET and name in _BUILTIN:
            before, after = "set(", ")"
    else:
        before = f"{short}("
    if depth >= _DEEPEST:
        return f"{before}…{after}" if value.child_count else before + after
    inside.add(number)
    parts: list[str] = []
    used = len(before) + len(after)
    fields = value.view.store.type(content.type_id).fields if content.shape is Shape.TUPLE else ()
    for child in value.children():
        if used >= room:
            parts.append("…")
            break
        part = _show(child.value, room - used, depth + 1, inside)
        if child.kind == "entry":
            key = child.name
            if key is not None and not isinstance(key, (int, str)):
                part = f"{_show(key, room - used, depth + 1, inside)}: {part}"
        elif child.kind == "attribute":
            part = f"{escape(str(child.name))}={part}"
        elif fields and isinstance(child.name, int) and child.name < len(fields):
            part = f"{escape(fields[child.name])}={part}"
        parts.append(part)
        used += len(part) + 2
    inside.discard(number)
    hidden = (value.length or 0) - content.size
    if hidden > 0 and parts[-1:] != ["…"]:
        parts.append(f"… {hidden} more")
    text = ", ".join(parts)
    if content.shape is Shape.TUPLE and content.size == 1 and name == "tuple":
        text += ","
    return before + text + after


def _scalar(value: Value, room: int) -> str:
    tag = value.raw[0]
    if tag in (Tag.LABEL, Tag.NOTHING):
        return f"<{value.label}>"
    scalar = value.scalar
    if isinstance(scalar, (str, bytes)) and len(scalar) > room:
        # A long string is cut before `repr`, which would be work for nothing.
        return repr(scalar[:room])[: room - 1] + "…"
    text = value.view.scalars.show(value.raw)
    return text + "…" if value.label else text
