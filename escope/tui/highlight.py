"""Syntax colours: source text to lines of (text, class of token) pieces."""

from __future__ import annotations

from pygments.lexers.python import PythonLexer
from pygments.token import Token, _TokenType

from escope.tui.plain import plain_line

Piece = tuple[str, str]
"""A run of text and a key of `colours.SYNTAX`."""

LONGEST = 2_000_000
"""Characters; larger files are shown without colours."""

_CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Token.Comment, "comment"),
    (Token.Keyword.Constant, "number"),
    (Token.Keyword, "keyword"),
    (Token.Operator.Word, "keyword"),
    (Token.Literal.String, "string"),
    (Token.Literal.Number, "number"),
    (Token.Name.Function, "function"),
    (Token.Name.Class, "class"),
    (Token.Name.Decorator, "decorator"),
    (Token.Name.Builtin, "builtin"),
    (Token.Name.Exception, "class"),
    (Token.Operator, "operator"),
    (Token.Punctuation, "operator"),
)


def _class_of(token: _TokenType) -> str:
    for ancestor, name in _CLASSES:
        if token in ancestor:
            return name
    return "name"


def highlight(lines: list[str]) -> list[tuple[Piece, ...]]:
    """Coloured pieces of each of `lines` (without line ends), safe to show."""
    safe = [plain_line(line) for line in lines]
    if sum(map(len, safe)) > LONGEST:
        return [((line, "name"),) for line in safe]
    result: list[list[Piece]] = [[] for _ in safe]
    number = 0
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    for token, text in lexer.get_tokens("\n".join(safe)):
        kind = _class_of(token)
        parts = text.split("\n")
        for index, part in enumerate(parts):
            if index:
                number += 1
            if part and number < len(result):
                result[number].append((part, kind))
    return [tuple(pieces) for pieces in result]
