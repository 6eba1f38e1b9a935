"""Which names stand on which line of a source text, so that their values can be shown beside it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

LONGEST = 1_000_000
"""Characters; larger files get no values beside their lines."""

Reference = tuple[str, ...]
"""A variable, then attributes: ``("self", "total")`` for `self.total`."""


@dataclass(slots=True)
class LineNames:
    """What one line mentions and what it stores, in order of appearance."""

    used: list[Reference]
    stored: list[Reference]


class SourceNames:
    """The names of one file; empty where it does not parse."""

    def __init__(self, lines: list[str]) -> None:
        self._lines: dict[int, LineNames] = {}
        if sum(map(len, lines)) > LONGEST:
            return
        try:
            tree = ast.parse("\n".join(lines))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        self._collect(tree)

    def on(self, line: int) -> LineNames | None:
        """What `line` (from 1) mentions; None for nothing."""
        return self._lines.get(line)

    def stored_between(self, first: int, last: int) -> list[tuple[int, LineNames]]:
        """The lines from `first` to `last` that store something."""
        found = []
        for line in range(first, min(last, first + 5_000) + 1):
            names = self._lines.get(line)
            if names is not None and names.stored:
                found.append((line, names))
        return found

    def _collect(self, tree: ast.AST) -> None:
        nodes: list[tuple[int, int, Reference, bool]] = []
        # An own stack: a hostile file nests deeper than Python recurses.
        waiting: list[ast.AST] = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, (ast.Name, ast.Attribute)):
                reference = _reference(node)
                if reference is not None:
                    store = isinstance(node.ctx, (ast.Store, ast.Del))
                    nodes.append((node.lineno, node.col_offset, reference, store))
                    if len(reference) > 1:
                        continue
            elif isinstance(node, ast.arg):
                nodes.append((node.lineno, node.col_offset, (node.arg,), True))
            waiting.extend(ast.iter_child_nodes(node))
        for line, _, reference, store in sorted(nodes):
            names = self._lines.setdefault(line, LineNames([], []))
            if reference not in names.used:
                names.used.append(reference)
            if store and reference not in names.stored:
                names.stored.append(reference)


def _reference(node: ast.expr) -> Reference | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
        if len(parts) > 3:
            return None
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return tuple(reversed(parts))
