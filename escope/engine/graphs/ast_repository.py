"""Syntax trees of source files, and the nodes of the code objects in them."""

from __future__ import annotations

import ast
import warnings
from collections import OrderedDict

from escope.errors import RecordingError

_CACHED_FILES = 32
_LONGEST_SOURCE = 20_000_000

CodeNode = (
    ast.Module
    | ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.ClassDef
    | ast.Lambda
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp
)
"""Nodes that have code objects of their own."""

_UNNAMED: dict[
    str,
    type[ast.Lambda]
    | type[ast.ListComp]
    | type[ast.SetComp]
    | type[ast.DictComp]
    | type[ast.GeneratorExp],
] = {
    "<lambda>": ast.Lambda,
    "<listcomp>": ast.ListComp,
    "<setcomp>": ast.SetComp,
    "<dictcomp>": ast.DictComp,
    "<genexpr>": ast.GeneratorExp,
}


class AstRepository:
    """Parses each source once; keeps the trees that were used last."""

    def __init__(self) -> None:
        self._trees: OrderedDict[str, ast.Module] = OrderedDict()

    def tree(self, key: str, source: bytes | str) -> ast.Module:
        """The tree of `source`, which `key` identifies.  Raises RecordingError if it does not parse."""
        found = self._trees.get(key)
        if found is not None:
            self._trees.move_to_end(key)
            return found
        if len(source) > _LONGEST_SOURCE:
            raise RecordingError(f"a source file of {len(source)} bytes is too long to be parsed")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise RecordingError(f"the recorded source cannot be parsed: {error}") from None
        self._trees[key] = found
        if len(self._trees) > _CACHED_FILES:
            self._trees.popitem(last=False)
        return found

    def node(
        self, key: str, source: bytes | str, qualname: str, first_line: int
    ) -> CodeNode | None:
        """The node whose code object has this qualified name and first line; None if there is none."""
        tree = self.tree(key, source)
        name = qualname.rpartition(".")[2]
        if name == "<module>":
            return tree
        for node in ast.walk(tree):
            wanted = _UNNAMED.get(name)
            if wanted is not None:
                if isinstance(node, wanted) and node.lineno == first_line:
                    return node
            elif (
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
                and node.name == name
                and first_line_of(node) == first_line
            ):
                return node
        return None


def first_line_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """The first line of a definition, which is that of its first decorator."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
