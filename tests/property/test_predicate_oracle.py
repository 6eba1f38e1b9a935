"""On values of builtin types the evaluator agrees with Python's own eval."""

from __future__ import annotations

import warnings
from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from escope.engine.predicate import Unanswerable, compile_predicate
from escope.engine.predicate.values import Box, TypeRef, is_scalar
from tests.predicate.plain import PlainHandle, PlainScope

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(),
    st.sampled_from([0.0, -0.0, 1.5, -2.25, float("inf"), 1e300]),
    st.text("ab\x1b", max_size=3),
    st.binary(max_size=2),
)
keys = st.one_of(st.integers(-3, 3), st.booleans(), st.sampled_from("abc"), st.just(1.0))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.sets(keys, max_size=3),
        st.frozensets(keys, max_size=3),
        st.dictionaries(keys, inner, max_size=3),
    ),
    max_leaves=8,
)
NAMES = ("a", "b", "c")
atoms = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(
        ["0", "1", "-1", "2", "True", "None", "1.5", "'a'", "b'a'", "[]", "()", "{1, 2}"]
    ),
)


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    triple = st.tuples(inner, inner, inner)
    binary = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "<", "<=", ">", ">=", "==",
         "!=", "in", "not in", "and", "or"]
    )  # fmt: skip
    calls = st.sampled_from(
        ["len", "min", "max", "sum", "any", "all", "abs", "sorted", "str", "int", "float", "bool",
         "repr"]
    )  # fmt: skip
    types = st.sampled_from(["int", "str", "float", "bool", "list", "tuple", "dict", "set"])
    return st.one_of(
        st.builds(lambda ab, op: f"({ab[0]} {op} {ab[1]})", pair, binary),
        st.builds(lambda ab: f"({ab[0]} < {ab[1]} <= 3)", pair),
        st.builds(lambda f, a: f"{f}({a})", calls, inner),
        st.builds(lambda a, t: f"isinstance({a}, {t})", inner, types),
        st.builds(lambda a, t: f"(type({a}) is {t})", inner, types),
        st.builds(lambda ab: f"{ab[0]}[{ab[1]}]", pair),
        st.builds(lambda abc: f"{abc[0]}[{abc[1]}:{abc[2]}]", triple),
        st.builds(lambda ab: f"{ab[0]}[::{ab[1]}]", pair),
        st.builds(lambda abc: f"({abc[0]} if {abc[1]} else {abc[2]})", triple),
        st.builds(lambda a: f"(not {a})", inner),
        st.builds(lambda a: f"(-{a})", inner),
        st.builds(lambda ab: f"[{ab[0]}, {ab[1]}]", pair),
        st.builds(lambda ab: f"({ab[0]}, {ab[1]})", pair),
        st.builds(lambda ab: f"{{{ab[0]}: {ab[1]}}}", pair),
        st.builds(lambda ab: f"{{{ab[0]}, {ab[1]}}}", pair),
        st.builds(lambda ab: f"[(x, {ab[1]}) for x in {ab[0]} if x]", pair),
        st.builds(lambda ab: f"sum(x for x in {ab[0]} if x != {ab[1]})", pair),
        st.builds(lambda ab: f"{{x: {ab[1]} for x in {ab[0]}}}", pair),
        st.builds(lambda a: f"(f'{{{a}}}')", st.sampled_from(NAMES)),
        st.builds(lambda ab: f"({ab[0]}).count({ab[1]})", pair),
        st.builds(lambda ab: f"({ab[0]}).get({ab[1]})", pair),
    )


expressions = st.recursive(atoms, grow, max_leaves=6)


def plain(value: Any) -> Any:
    """What the evaluator gave, as Python would have it."""
    if is_scalar(value):
        return value
    if isinstance(value, PlainHandle):
        return value.value
    if isinstance(value, TypeRef):
        return value.name
    assert isinstance(value, Box)
    if value.kind == "dict":
        return {plain(key): plain(item) for key, item in value.table.values()}
    makers: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
    return makers[value.kind](plain(item) for item in value.values())


def shown(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}{sorted(map(repr, value))}"
    if isinstance(value, (list, tuple, deque)):
        return f"{type(value).__name__}[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{shown(k)}: {shown(v)}' for k, v in value.items())}}}"
    return repr(value)


@settings(max_examples=400)
@given(expressions, values, values, values)
def test_the_evaluator_agrees_with_python(text: str, a: Any, b: Any, c: Any) -> None:
    names = {"a": a, "b": b, "c": c}
    predicate = compile_predicate(text)
    try:
        found = shown(plain(predicate.value(PlainScope(names))))
    except Unanswerable as error:
        found = None
        reason = str(error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = shown(eval(text, dict(names)))
        except Exception:
            expected = None
    if found is None and expected is not None:
        # Only work and size are bounded more tightly than Python bounds them.
        assert "too " in reason, (text, names, reason)
    elif expected is None:
        assert found is None, (text, names)
    else:
        assert found == expected, (text, names)
