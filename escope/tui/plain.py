"""Recorded text made safe to show: nothing in it can be markup or reach the terminal as control."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if (short := _SHORT.get(character)) is not None:
        return short
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def plain(text: str) -> str:
    """`text` with every control, direction-changing, invisible and surrogate character escaped."""
    return _UNSAFE.sub(_escape, text)


_COLOURING = re.compile("(?:\x1b\\[|\x9b)[0-9;:]*m")


def uncoloured(text: str) -> str:
    """`text` without the sequences that colour it on a terminal; any other is left, to be escaped."""
    return _COLOURING.sub("", text)


def plain_line(text: str, tab: int = 4) -> str:
    """One line of source or output made safe; tabs become spaces up to the next stop."""
    return plain(text.expandtabs(tab))


def cut(text: str, width: int) -> str:
    """`text`, at most `width` characters, with one ellipsis where something was left out."""
    if len(text) <= width:
        return text
    return text[: max(0, width - 1)].rstrip("…") + "…" if width > 0 else ""
