"""What changed in an object since it was last written, as change rows; its shadow is brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from escope.engine.capture import anatomy as an
from escope.engine.capture import contents
from escope.engine.capture.differences import key_token, same, splice
from escope.engine.capture.objects import Followed
from escope.events import Label
from escope.storage.rows import Detail, Shape, Tag

if TYPE_CHECKING:
    from escope.engine.capture.encoder import Encoder

_ITEM, _ENTRY = Detail.ITEM << 8, Detail.ENTRY << 8
_KEY, _ATTR = Detail.KEY << 8, Detail.ATTR << 8

Rows = list[tuple[int, int, int]]


def changed_items(encoder: Encoder, followed: Followed, value: Any, rows: Rows) -> None:
    shape, oid, limit = followed.anatomy.shape, followed.object_id, encoder.limits.items
    if shape is Shape.LIST or shape is Shape.DEQUE:
        values, length = contents.sequence_items(value, shape, limit)
        start, removed, inserted = splice(followed.items, values)
        if removed or inserted:
            new = [encoder.item(each) for each in values[start : start + inserted]]
            followed.items[start : start + removed] = new
            rows += encoder.splice_rows(oid, start, removed, new)
        changed_length(encoder, followed, length, rows)
    elif shape is Shape.CELL:
        content = contents.cell_content(value)
        start, removed, inserted = splice(followed.items, content)
        if removed or inserted:
            followed.items = [encoder.item(each) for each in content]
            rows += encoder.splice_rows(oid, 0, removed, followed.items)
    elif shape is Shape.SET:
        changed_set(encoder, followed, value, rows)
    elif shape in an.MAPPINGS:
        changed_mapping(encoder, followed, value, rows)
    elif shape is Shape.BYTEARRAY:
        content_bytes = bytes(bytearray.__getitem__(value, slice(0, encoder.limits.string + 1)))
        if content_bytes != followed.items:
            followed.items = content_bytes
            tag, number = encoder.token(content_bytes)
            rows.append((Detail.SCALAR << 8 | tag, oid, number))


def changed_length(encoder: Encoder, followed: Followed, length: int, rows: Rows) -> None:
    if length != followed.length:
        limit = encoder.limits.items
        if length > limit or followed.length > limit:
            rows.append((Detail.LENGTH << 8, followed.object_id, length))
            if (length > limit) != (followed.length > limit):
                label = Label.TRUNCATED if length > limit else Label.EXACT
                rows.append((Detail.RELABEL << 8, followed.object_id, label))
        followed.length = length


def changed_set(encoder: Encoder, followed: Followed, value: Any, rows: Rows) -> None:
    values, length = contents.set_items(value, encoder.limits.items)
    new = {key_token(each, encoder.follow): each for each in values}
    shadow = followed.items
    for token in [token for token in shadow if token not in new]:
        tag, number = encoder.item_token(shadow.pop(token))
        rows.append((Detail.REMOVE << 8 | tag, followed.object_id, number))
    for token, each in new.items():
        if token not in shadow:
            item = shadow[token] = encoder.item(each)
            tag, number = encoder.item_token(item)
            rows.append((_ITEM | tag, followed.object_id, number))
    changed_length(encoder, followed, length, rows)


def changed_mapping(encoder: Encoder, followed: Followed, value: Any, rows: Rows) -> None:
    pairs, length = encoder.pairs(followed, value)
    shadow, oid = followed.items, followed.object_id
    new = {key_token(key, encoder.follow): (key, each) for key, each in pairs}
    if len(new) < len(pairs):
        encoder.distrust(followed)
    kept = [token for token in shadow if token in new]
    for token in [token for token in shadow if token not in new]:
        tag, number = encoder.item_token(shadow.pop(token)[0])
        rows.append((Detail.REMOVE << 8 | tag, oid, number))
    if kept != list(new)[: len(kept)]:
        # The order of the keys changed: no smaller change says it.
        rows.append((Detail.CLEAR << 8, oid, 0))
        shadow.clear()
    for token, (key, each) in new.items():
        known = shadow.get(token)
        if known is not None and same(known[1], each) and same(known[0], key):
            continue
        add_entry(encoder, followed, key, each, rows)
    if followed.anatomy.shape is not Shape.NAMESPACE:
        changed_length(encoder, followed, length, rows)


def add_entry(encoder: Encoder, followed: Followed, key: Any, value: Any, rows: Rows) -> None:
    """A key of a mapping, and its value, as rows and in the shadow; a new key is the last one."""
    key_item, item = encoder.item(key), encoder.item(value)
    followed.items[key_token(key, encoder.follow)] = (key_item, item)
    tag, number = encoder.item_token(key_item)
    rows.append((_KEY | tag, 0, number))
    tag, number = encoder.item_token(item)
    rows.append((_ENTRY | tag, followed.object_id, number))


def same_attributes(encoder: Encoder, followed: Followed, value: Any) -> bool:
    """Whether nothing changed, where attributes lie in an instance dict alone: the common case."""
    anatomy, shadow = followed.anatomy, followed.attributes
    if anatomy.slots or anatomy.is_exception:
        return False
    held = anatomy.instance_dict(value)
    if held is None:
        return not shadow
    if not encoder.objects.is_held(followed, held) or len(held) != len(shadow):
        return False
    for name, attribute in held.items():
        item = shadow.get(name, an.MISSING) if type(name) is str else an.MISSING
        if item is not attribute and not same(item, attribute):
            return False
    return True


def changed_attributes(encoder: Encoder, followed: Followed, value: Any, rows: Rows) -> None:
    shadow, oid = followed.attributes, followed.object_id
    live = followed.anatomy.attributes(value)
    for name in [name for name in shadow if name not in live]:
        del shadow[name]
        rows.append((Detail.REMOVE_ATTR << 8 | Tag.STR, oid, encoder.string(name)))
    for name, attribute in live.items():
        if name in shadow and same(shadow[name], attribute):
            continue
        item = shadow[name] = encoder.item(attribute)
        rows.append((_KEY | Tag.STR, 0, encoder.string(name)))
        tag, number = encoder.item_token(item)
        rows.append((_ATTR | tag, oid, number))
    encoder.note_dict(followed, value)
