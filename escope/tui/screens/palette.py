"""The palette: every action of the table of keys, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from escope.tui.keys import Key, Keymap, shown


class Actor(Protocol):
    """What the palette needs of the app."""

    keymap: Keymap

    def act(self, action: str) -> None: ...


class Palette(Provider):
    """Offers what can be done without a letter to follow."""

    async def discover(self) -> Hits:
        for key, text, call in self._offers():
            yield DiscoveryHit(Content(text), call, text=text, help=_help(key))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for key, text, call in self._offers():
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), call, text=text, help=_help(key))

    def _offers(self) -> list[tuple[Key, str, Callable[[], None]]]:
        app = cast(Actor, self.app)
        return [
            (key, key.title, partial(app.act, key.action))
            for key in app.keymap.keys
            if not any("…" in one for one in key.keys) and key.action not in _UNOFFERED
        ]


_UNOFFERED = {"palette", "start_here", "end_here", "cancel"}


def _help(key: Key) -> str:
    return f"{key.group.value}: " + ", ".join(shown(one) for one in key.keys)
