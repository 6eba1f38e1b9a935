"""That everything can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from rich.color import Color
from textual.strip import Strip

from escope.engine.replay.recording import Recording
from escope.tui.app import Cinema
from escope.tui.styles.colours import GROUNDS, INKS, SYNTAX
from tests.tui.pilot import playing, press

ENOUGH = 4.5
"""The contrast that WCAG 2 wants of text."""


def luminance(colour: tuple[int, int, int]) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_contrast_is_that_of_the_standard() -> None:
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("ink", [*INKS, *SYNTAX.values()])
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_ink_can_be_read_on_every_ground(ink: str, ground: str) -> None:
    triplets = [tuple(Color.parse(colour).get_truecolor()) for colour in (ink, ground)]
    assert contrast(*triplets) >= ENOUGH


SCENES = {
    "exception": ["]", "e"],
    "search": ["/", *"store reading =", "enter", "n", "n", "2"],
    "caller": ["]", "e", "u", "2", "right"],
    "output": ["6", "]", "o"],
    "changes": ["]", "e", "m", "a", "n", "="],
    "flow": ["/", *"call scan", "enter", "8"],
    "events": ["5", "+", "down"],
    "breakpoint": ["s", "s", "b", "down"],
    "sequence": ["]"],
    "prompt": [":"],
    "typed": [":", *"50%"],
    "wrong": [":", *"nonsense", "enter"],
    "too_small": [],
}


@pytest.mark.parametrize("name", list(SCENES))
async def test_all_text_on_the_screen_can_be_read(
    name: str, opened: Callable[[str], Recording]
) -> None:
    size = (50, 12) if name == "too_small" else (120, 40)
    async with playing(opened("golden"), size) as (app, pilot):
        app.cursor_blink = False
        await press(pilot, *SCENES[name])
        assert not list(unreadable(app, app.screen._compositor.render_strips()))


@pytest.mark.parametrize(
    ("keys", "box"),
    [
        (["f1"], "#help"),
        (["ctrl+p"], "#--input, CommandList"),
        (["ctrl+p", *"step"], "CommandList"),
    ],
)
async def test_what_lies_above_the_screen_can_be_read(
    keys: list[str], box: str, opened: Callable[[str], Recording]
) -> None:
    async with playing(opened("golden"), (120, 40)) as (app, pilot):
        await press(pilot, *keys)
        await pilot.pause(0.3)
        rows = app.screen._compositor.render_strips()
        strips = [
            row.crop(widget.region.x, widget.region.right)
            for widget in app.screen.query(box)
            for row in rows[widget.region.y : widget.region.bottom]
        ]
        assert any("tep" in strip.text for strip in strips)
        assert not list(unreadable(app, strips))


def unreadable(app: Cinema, strips: Iterable[Strip]) -> Iterable[tuple[str, float]]:
    """Texts whose contrast is too low, each with it."""
    for strip in strips:
        for text, style, _ in strip:
            if not any(character.isalnum() for character in text):
                continue
            assert style is not None, text
            assert style.color is not None, text
            assert style.bgcolor is not None, text
            found = contrast(
                tuple(style.color.get_truecolor()), tuple(style.bgcolor.get_truecolor())
            )
            if found < ENOUGH:
                yield text, round(found, 2)
