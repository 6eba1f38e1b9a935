"""Values without identity: from a row's tag and value to a Python scalar, its type name and its `repr`."""

from __future__ import annotations

import struct
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from escope.errors import RecordingError
from escope.events import Label
from escope.storage.rows import Tag

if TYPE_CHECKING:
    from escope.storage.store import Store

Raw = tuple[int, Any]
"""A row's tag and value.  A name that comes from the site table is `(Tag.STR, "name")`."""

NOTHING: Raw = (int(Tag.NOTHING), 0)

TYPE_NAMES = {
    int(Tag.NONE): "NoneType",
    int(Tag.BOOL): "bool",
    int(Tag.INT): "int",
    int(Tag.FLOAT): "float",
    int(Tag.STR): "str",
    int(Tag.BYTES): "bytes",
    int(Tag.BIGINT): "int",
    int(Tag.COMPLEX): "complex",
    int(Tag.ELLIPSIS): "ellipsis",
    int(Tag.NOT_IMPLEMENTED): "NotImplementedType",
}

STRINGS = frozenset({int(Tag.STR), int(Tag.BYTES), int(Tag.BIGINT), int(Tag.COMPLEX)})
"""Tags whose value is a string id."""

_LONGEST = 10**4300
"""Python's own default limit of digits, beyond which an int is shown as hexadecimal."""
_CACHED_BYTES = 16 << 20

_OBJECT = int(Tag.OBJECT)
_LABEL = int(Tag.LABEL)


class Scalars:
    """Decodes scalars of one recording; keeps recently used strings."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._strings: OrderedDict[tuple[int, int], tuple[Any, int, bool, int]] = OrderedDict()
        self._bytes = 0

    def python(self, raw: Raw) -> Any:
        """The Python scalar that `raw` stands for.

        Raises RecordingError where `raw` is not a scalar or its string is damaged.
        """
        tag, value = raw
        if tag == Tag.INT:
            return value - (1 << 64) if value >> 63 else value
        if tag in STRINGS:
            return self._string(tag, value)[0]
        if tag == Tag.NONE:
            return None
        if tag == Tag.BOOL:
            return value != 0
        if tag == Tag.FLOAT:
            return struct.unpack("<d", value.to_bytes(8, "little"))[0]
        if tag == Tag.ELLIPSIS:
            return ...
        if tag == Tag.NOT_IMPLEMENTED:
            return NotImplemented
        raise RecordingError(f"the recording is damaged: tag {tag} where a scalar should be")

    def text(self, string_id: int) -> str:
        """The text of a string row, for names.  Raises RecordingError if there is none."""
        text = self._string(int(Tag.STR), string_id)[0]
        assert isinstance(text, str)
        return text

    def full_length(self, raw: Raw) -> int:
        """Characters or bytes of a string in the program, also where less of it is stored."""
        return self._string(*raw)[1]

    def label(self, raw: Raw) -> Label:
        """How exact the scalar is."""
        tag, value = raw
        if tag in STRINGS and self._string(tag, value)[2]:
            return Label.TRUNCATED
        if tag == _LABEL:
            return label_of(value)
        return Label.EXACT

    def show(self, raw: Raw) -> str:
        """The `repr` of the scalar; a very long int as hexadecimal."""
        return show(self.python(raw))

    def _string(self, tag: int, value: Any) -> tuple[Any, int, bool, int]:
        if isinstance(value, str):
            return value, len(value), False, 0
        key = (tag, value)
        found = self._strings.get(key)
        if found is not None:
            self._strings.move_to_end(key)
            return found
        data = self._store.string(value)
        content: Any = bytes(data.data)
        size = len(content)
        truncated = False
        length = data.full_length
        try:
            if tag == Tag.STR:
                content = content.decode("utf-8", "surrogatepass")
                size = len(content)
            elif tag == Tag.BIGINT:
                content = int.from_bytes(content, "little", signed=True)
            elif tag == Tag.COMPLEX:
                content = complex(*struct.unpack("<dd", content))
        except (UnicodeDecodeError, struct.error) as error:
            raise RecordingError(f"the recording is damaged: string {value}: {error}") from error
        if length is None:
            length = size
        else:
            truncated = length > size
        cost = len(data.data) + 200
        found = (content, length, truncated, cost)
        self._strings[key] = found
        self._bytes += cost
        while self._bytes > _CACHED_BYTES and len(self._strings) > 1:
            self._bytes -= self._strings.popitem(last=False)[1][3]
        return found


def show(value: Any) -> str:
    """The `repr` of a Python scalar; an int too long for it as hexadecimal."""
    if type(value) is int and not -_LONGEST < value < _LONGEST:
        return hex(value)
    return repr(value)


def label_of(number: int) -> Label:
    """The label with this number.  Raises RecordingError if there is none."""
    try:
        return Label(number)
    except ValueError:
        raise RecordingError(f"the recording is damaged: label {number}") from None


def is_object(raw: Raw) -> bool:
    """Whether `raw` names an object by its id."""
    return raw[0] == _OBJECT
