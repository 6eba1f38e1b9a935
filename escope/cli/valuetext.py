"""Recorded values in one line, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escope.cli.reading import place
from escope.storage.rows import Tag
from escope.tui.plain import cut, plain

if TYPE_CHECKING:
    from escope.engine.replay.value import Value, View


def value_text(value: Value, width: int = 80) -> str:
    """Return at most `width` characters that tell what the value is, and its label behind them."""
    text = cut(plain(value.summary(width)), width)
    return f"{text} ({value.label})" if value.label and value.label not in text else text


def document_text(document: dict[str, Any], view: View, width: int = 80) -> str:
    """Return the same for what is in a JSON document: a VALUE, a thread or a frame.

    An object is shown as it is in `view`, also where the document only refers to one printed elsewhere.
    """
    from escope.engine.replay.value import Value

    number = document.get("ref", document.get("id"))
    if "frames" in document:
        frames = (document_text(frame, view, width) for frame in document["frames"])
        return cut(f"{plain(document['name'])}: {', '.join(frames)}", width)
    if "function" in document:
        return cut(place(document["file"], document["line"], document["function"]), width)
    if number is not None:
        return value_text(Value(view, (int(Tag.OBJECT), number)), width)
    return cut(plain(str(document.get("repr", f"<{document.get('label')}>"))), width)
