"""Recorded text made safe."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from escope.tui.highlight import highlight
from escope.tui.names import SourceNames
from escope.tui.plain import cut, plain, plain_line, uncoloured

ANY = st.text(st.characters(codec=None))


@given(ANY)
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    for character in plain(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in ("LRE", "RLE", "LRO", "RLO", "PDF")
    plain(text).encode()


def test_what_is_escaped_can_be_read() -> None:
    assert plain("a\x1b[31m\n\u202e\ud800") == "a\\x1b[31m\\n\\u202e\\ud800"
    assert plain("schön [bold]x[/]") == "schön [bold]x[/]"


def test_colours_of_output_are_taken_out_and_nothing_else() -> None:
    text = "\x1b[1;35mValueError\x1b[0m: \x1b[38:5:3mx\x1b[m\x1b[2J"
    assert plain(uncoloured(text)) == "ValueError: x\\x1b[2J"


@given(ANY, st.integers(0, 50))
def test_cut_text_is_never_longer(text: str, width: int) -> None:
    assert len(cut(text, width)) <= width
    if len(text) <= width:
        assert cut(text, width) == text


def test_what_is_cut_twice_has_one_ellipsis() -> None:
    assert cut(cut("abcdefgh", 6), 5) == "abcd…"
    assert cut("abc…, d", 5) == "abc…"


@given(st.lists(ANY.filter(lambda text: "\n" not in text and "\r" not in text), max_size=8))
def test_highlighting_keeps_every_line(lines: list[str]) -> None:
    coloured = highlight(lines)
    assert ["".join(text for text, _ in pieces) for pieces in coloured] == [
        plain_line(line) for line in lines
    ]


def test_code_gets_colours() -> None:
    kinds = dict(highlight(["def f(x):  # why", "    return 'a' + 1"])[0])
    assert kinds["def"] == "keyword"
    assert kinds["f"] == "function"
    assert kinds["# why"] == "comment"


def test_names_of_a_line_are_found_with_their_attributes() -> None:
    names = SourceNames(["total += self.cart.price * n", "for a, b in rows: pass"])
    first = names.on(1)
    assert first is not None
    assert first.used == [("total",), ("self", "cart", "price"), ("n",)]
    assert first.stored == [("total",)]
    second = names.on(2)
    assert second is not None
    assert second.stored == [("a",), ("b",)]


def test_a_file_that_does_not_parse_has_no_names() -> None:
    assert SourceNames(["def ("]).on(1) is None
    assert SourceNames(["(" * 5000]).on(1) is None
    assert SourceNames(["x = '\0'"]).on(1) is None
