"""A VALUE of the JSON documents in one line, for people."""

from __future__ import annotations

from typing import Any

from escope.tui.plain import cut, plain

_BRACKETS = {"list": ("[", "]"), "tuple": ("(", ")"), "set": ("{", "}"), "dict": ("{", "}")}


def value_text(value: Any, width: int = 80) -> str:
    """Return at most `width` characters that tell what a VALUE is, control characters escaped."""
    return cut(_text(value), width)


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return plain(str(value))
    if "ref" in value:
        return f"<object {value['ref']}>"
    if "type" not in value:
        return ", ".join(f"{plain(str(key))}={_text(one)}" for key, one in value.items())
    kind = plain(str(value["type"])).rpartition(".")[2]
    label = f" {plain(str(value['label']))}" if "label" in value else ""
    if "items" in value:
        before, after = _BRACKETS.get(kind, (f"{kind}[", "]"))
        items = value["items"]
        parts = [
            f"{_text(item[0])}: {_text(item[1])}" if isinstance(item, list) else _text(item)
            for item in items
        ]
        missing = value.get("length", len(items)) - len(items)
        if missing > 0:
            parts.append(f"… {missing} more")
        return before + ", ".join(parts) + after + label
    if "attributes" in value:
        attributes = (f"{plain(k)}={_text(v)}" for k, v in value["attributes"].items())
        return f"{kind}({', '.join(attributes)}){label}"
    if "repr" in value:
        return plain(str(value["repr"])) + label
    for key in ("name", "summary"):
        if key in value:
            return f"<{kind} {plain(str(value[key]))}>{label}"
    return f"<{kind}{label}>"
