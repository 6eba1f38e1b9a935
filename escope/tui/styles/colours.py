"""The colours of the player: one palette that feeds the stylesheet, the widgets and the syntax.

Invariant: text of any colour has a contrast of at least 4.5 (WCAG 2, AA) on any of the grounds.
"""

from __future__ import annotations

from functools import cache

from rich.style import Style
from textual.theme import Theme

GROUND = "#15181d"
RAISED = "#1b1f26"
SELECTED = "#222832"
RULE = "#2e3641"
TEXT = "#c8cfd8"
MUTED = "#a6b0bc"
FAINT = "#87909d"
FOCUS = "#7fb5d5"
NOW = "#e6b673"
NOW_GROUND = "#2b261d"
CHANGED = "#93c98f"
CHANGED_GROUND = "#1e2a21"
WRONG = "#e27d7d"
WRONG_GROUND = "#2e1f22"
SPOKEN = "#86b3a5"
HIT = "#b79ce0"
RAN = "#5a8c76"

GROUNDS = (GROUND, RAISED, SELECTED, NOW_GROUND, CHANGED_GROUND, WRONG_GROUND)
"""What text stands on."""
INKS = (TEXT, MUTED, FAINT, FOCUS, NOW, CHANGED, WRONG, SPOKEN, HIT)
"""What text is written in, besides `SYNTAX`."""

SYNTAX = {
    "keyword": "#b79ce0",
    "string": "#9fc48a",
    "number": "#d8a67c",
    "function": "#7fb5d5",
    "class": "#dcc07f",
    "comment": "#7f92a3",
    "builtin": "#79bdbd",
    "decorator": "#cfae70",
    "operator": "#9aa5b3",
    "name": TEXT,
}
"""Colour of each class of token that `highlight` tells apart."""

THEME = Theme(
    name="escope",
    primary=FOCUS,
    secondary=HIT,
    accent=NOW,
    warning=NOW,
    error=WRONG,
    success=CHANGED,
    foreground=TEXT,
    background=GROUND,
    surface=GROUND,
    panel=RAISED,
    dark=True,
    variables={
        "rule": RULE,
        "muted": MUTED,
        "faint": FAINT,
        "selected": SELECTED,
        "raised": RAISED,
        "focus": FOCUS,
        "now": NOW,
        "hit": HIT,
        "border": RULE,
        "scrollbar": "#2e3641",
        "scrollbar-hover": "#44505f",
        "scrollbar-active": FOCUS,
        "scrollbar-background": GROUND,
        "scrollbar-background-hover": GROUND,
        "scrollbar-background-active": GROUND,
        "scrollbar-corner-color": GROUND,
        "block-cursor-background": SELECTED,
        "block-cursor-foreground": TEXT,
        "input-cursor-background": NOW,
        "input-cursor-foreground": GROUND,
        "input-selection-background": "#3a4a5a",
    },
)


@cache
def ink(colour: str = TEXT, ground: str | None = None, weight: str = "") -> Style:
    """Text of `colour` on `ground`; `weight` holds words: bold italic underline strike."""
    words = weight.split()
    return Style(
        color=colour,
        bgcolor=ground,
        bold="bold" in words or None,
        italic="italic" in words or None,
        underline="underline" in words or None,
        strike="strike" in words or None,
    )
