"""What predicates mean, and what they refuse."""

from __future__ import annotations

import time
from collections import deque, namedtuple
from typing import Any

import pytest

from escope.engine.predicate import compile_predicate, parse_breakpoint, parse_breakpoints
from escope.errors import PredicateError
from tests.predicate.plain import PlainScope


class Node:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __eq__(self, other: object) -> bool:
        raise AssertionError("an expression ran the program's code")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise AssertionError("an expression ran the program's code")

    @property
    def computed(self) -> int:
        raise AssertionError("an expression ran the program's code")


Point = namedtuple("Point", "x y")


class Code(int):
    pass


node = Node(n=5, items=[1, -2, 3], left=None)
NAMES: dict[str, Any] = {
    "n": 5, "s": "text", "xs": [1, 2, 3, 4], "d": {"a": 1, (1, 2): [0]}, "q": deque([1, 2]),
    "node": node, "same": node, "other": Node(n=5), "p": Point(1, 2), "code": Code(7),
    "e": [], "f": 1.5, "none": None, "b": bytearray(b"ab"), "Node": Node, "t": {1, 2},
}  # fmt: skip


@pytest.mark.parametrize("text", [
    "n == 5", "n > 3 and s == 'text'", "len(xs) > 3", "len(q) == 2", "xs[-1] == 4", "xs[1:3] == [2, 3]",
    "d['a'] == 1", "d[(1, 2)] == [0]", "d[1, 2][0] == 0", "(1, 2) in d", "3 in xs", "9 not in xs",
    "node.n == 5", "node.left is None", "node is same", "node == same", "node != other", "node",
    "not e", "none is None", "max(xs) == 4", "min(x for x in xs if x > 1) == 2", "sum(xs) == 10",
    "any(x < 0 for x in node.items)", "all(x > 0 for x in xs)", "sorted(xs, reverse=True)[0] == 4",
    "1 < n < 10", "n if n > 3 else 0", "f'{n:03d}' == '005'", "f'{s!r}' == \"'text'\"", "s.startswith('te')",
    "[y for x in xs for y in [x, x * 10] if y > 20] == [30, 40]", "{x % 2 for x in xs} == {0, 1}",
    "{k: v for k, v in d.items()} == d", "isinstance(n, int)", "isinstance(node, Node)",
    "isinstance(xs, (str, list))", "type(n) is int", "type(node) is Node", "type(xs) == list",
    "type(node).__name__ == 'Node'", "code == 7", "code + 1 == 8", "len(b) == 2", "b == b'ab'",
    "t == {2, 1}", "t < {1, 2, 3}", "t | {3} == {1, 2, 3}", "d.get('zz') is None", "'a' in d.keys()",
    "sum([0.1] * 10) == sum(0.1 for _ in xs + xs + [0, 0])", "bool(xs)", "int('12') == 12", "str(n) == '5'",
    "repr(xs) == '[1, 2, 3, 4]'", "abs(-n) == 5", "-n < 0", "~n == -6", "xs == [1, 2, 3, 4]",
    "q != [1, 2]", "p[0] == 1", "len(p) == 2", "isinstance(p, tuple)", "n\n",
    "p.x == 1 and p.y == 2", "any(one.y == 2 for one in [p])", "not isinstance(n, Node)",
])  # fmt: skip
def test_a_true_predicate_holds(text: str) -> None:
    assert compile_predicate(text).holds(PlainScope(NAMES))


@pytest.mark.parametrize("text", [
    "missing", "missing == 1", "not missing", "node.missing", "not node.missing", "node.computed",
    "xs[10]", "d['zz']", "n / 0", "s + n", "xs < 3", "n.bit_length", "none.x", "len(n)", "p.z", "p._fields",
    "node < other", "min(e)", "int('x')", "node.n == 6", "p == (1, 2)",
    "{[1]}", "2 ** 10 ** 10 > 0", "'a' * 10 ** 9", "1 << 10 ** 9", "f'{n:99999d}'",
    "len([x for a in range9 for b in a])", "xs.index(77)",
    "[0] * 10 ** 9", "isinstance(other, n)", "not isinstance(node, Point)",
])  # fmt: skip
def test_a_predicate_without_a_value_is_false(text: str) -> None:
    assert not compile_predicate(text).holds(PlainScope(NAMES | {"Point": Point}))


@pytest.mark.parametrize(("text", "column"), [
    ("", 0), ("print(n)", 0), ("lambda: 1", 0), ("n and open('x')", 6),
    ("(n := 1)", 1), ("xs.append(1)", 0), ("[*xs]", 1), ("len(*xs)", 4), ("await n", 0),
    ("node.n()", 0), ("__import__('os')", 0), ("len.__self__()", 0), ("x" * 20_000, 0),
    ("(" * 300 + ")" * 300, None), ("-" * 500 + "1", None), ("1 +" * 3000 + "1", None),
    ("a\x00b", None), ("äö + print(1)", 5), ("min(xs, key=len)(1)", 0), ("{**d}", 0), ("n @ n", 0),
])  # fmt: skip
def test_what_the_language_does_not_have_is_refused_with_its_column(
    text: str, column: int | None
) -> None:
    with pytest.raises(PredicateError) as caught:
        compile_predicate(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    if column is not None:
        assert caught.value.column == column


def test_work_is_bounded() -> None:
    big = list(range(100_000))
    began = time.perf_counter()
    text = "any(x == y == z and False for x in big for y in big for z in big)"
    assert not compile_predicate(text).holds(PlainScope({"big": big}))
    cycle: list[Any] = []
    cycle.append(cycle)
    twin: list[Any] = []
    twin.append(twin)
    assert not compile_predicate("a == b or True").holds(PlainScope({"a": cycle, "b": twin}))
    shared: Any = []
    other: Any = []
    for _ in range(50):
        shared, other = [shared, shared], [other, other]
    assert not compile_predicate("a == b").holds(PlainScope({"a": shared, "b": other}))
    assert not compile_predicate("repr(a)").holds(PlainScope({"a": shared}))
    assert time.perf_counter() - began < 5


def test_names_and_required_names_are_known() -> None:
    predicate = compile_predicate("a.b > len(c) and (d or e)")
    assert predicate.names == {"a", "c", "d", "e", "len"}
    assert predicate.required == {"a", "c"}
    assert compile_predicate("any(x > y for x in xs)").required == {"xs"}
    assert compile_predicate("(a if b else c)").required == {"b"}


def test_a_breakpoint_is_a_place_or_a_predicate() -> None:
    place = parse_breakpoint("/a/b c.py:12")
    assert (place.file, place.line, place.predicate) == ("/a/b c.py", 12, None)
    both = parse_breakpoint("/a/b.py:12 if n > 3")
    assert (both.file, both.line) == ("/a/b.py", 12)
    assert both.predicate is not None
    assert both.predicate.text == "n > 3"
    plain = parse_breakpoints([{"number": 4, "text": "xs[1:2]", "once": True}])[0]
    assert (plain.number, plain.file, plain.once) == (4, None, True)
    for text in ("", "b.py:", "b.py:x", "b.py:3 if", "b.py:3 if print()"):
        with pytest.raises(PredicateError):
            parse_breakpoint(text)
