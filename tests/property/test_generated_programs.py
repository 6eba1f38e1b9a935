"""Programs made by hypothesis, plain against recorded, with the comparison of `tests/oracle`.

`ESCOPE_GENERATED` sets how many are made; each holds several functions, so that a process is used well.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from tests.oracle.harness import check

COUNT = int(os.environ.get("ESCOPE_GENERATED", "25"))

PRELUDE = """
class Box:
    shared = []

    def __init__(self, value, other=None):
        self.value = value
        self.other = other

    def grow(self, item):
        self.items = getattr(self, "items", []) + [item]
        return self.items

    def __enter__(self):
        self.value = "entered"
        return self

    def __exit__(self, kind, error, trace):
        self.value = kind and kind.__name__
        return kind is KeyError


class Slim:
    __slots__ = ("value", "other", "items")

    def __init__(self, value):
        self.value = value


def kind(value):
    # Not `str`: an address in it would sort otherwise in every run.
    return type(value).__name__


def counter(limit):
    total = 0
    while total < limit:
        step = yield total
        total += step or 1


def pairs(values):
    for index, value in enumerate(list(values)[:4]):
        yield index, value


total = 0
"""


def made(template: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    """Texts of `template` with its fields filled from `parts`."""
    return st.builds(template.format, *parts)


numbers = st.integers(min_value=-3, max_value=9)
ints = st.sampled_from(["i", "j", "k"])
lists = st.sampled_from(["xs", "ys", "zs"])
dicts = st.sampled_from(["d", "e"])
boxes = st.sampled_from(["o", "p"])
sets = st.sampled_from(["s", "t"])
attributes = st.sampled_from(["value", "other", "extra"])
constants = st.sampled_from(
    [
        "None",
        "True",
        "1.5",
        "'text'",
        "b'raw'",
        "(1, [2])",
        "-0.0",
        "2**70",
        "''",
        "...",
        "frozenset({1})",
    ]
)

expressions = st.one_of(
    numbers.map(str),
    ints,
    constants,
    made("({} + {}) % 101", ints, ints),
    made("len({})", lists),
    made("{}[{}]", lists, numbers),
    made("{}.get({})", dicts, ints),
    made("[{0}, {1}]", ints, lists),
    made("{{'k': {}, {}: 'v'}}", lists, ints),
    made("({}, {})", lists, boxes),
    made("{}.{}", boxes, attributes),
    made("[x * 2 for x in {}[:4] if type(x) is int]", lists),
    made("{{x: [x, {}] for x in range({} % 4)}}", ints, ints),
    made("[[y for y in range(x)] for x in range({} % 4)]", ints),
    made("sorted({}[:4], key=kind)", lists),
    made("Box({}, {})", ints, lists),
    made("Slim({})", lists),
    made("(lambda q: [q, {}])({})", ints, lists),
    made("(n := {})", ints),
    made("list(pairs({}))", lists),
    lists,
    dicts,
    boxes,
    sets,
)

simple = st.one_of(
    made("{} = {} * 3 % 11", ints, ints),
    made("{} = {}", ints, numbers),
    made("{} += {}", ints, numbers),
    made("{} = {}", lists, lists),
    made("{} = {}[:3] + [{}]", lists, lists, expressions),
    made("{}.append({})", lists, expressions),
    made("{}[{}] = {}", lists, numbers, expressions),
    made("{}[1:2] = [{}, {}]", lists, expressions, ints),
    made("{} += [{}]", lists, expressions),
    made("del {}[{}]", lists, numbers),
    made("{} = {}.pop()", ints, lists),
    made("{}.insert({}, {})", lists, numbers, expressions),
    made("{}.reverse()", lists),
    made("{}.sort(key=kind)", lists),
    made("{}.extend({}[:3])", lists, lists),
    made("{}.clear()", lists),
    made("{}[{}] = {}", dicts, ints, expressions),
    made("{}['k'] = {}", dicts, expressions),
    made("{}.setdefault('l', []).append({})", dicts, expressions),
    made("{}.update({}, extra={})", dicts, dicts, expressions),
    made("{}.pop({}, None)", dicts, ints),
    made("del {}['k']", dicts),
    made("{} = {}", dicts, dicts),
    made("{}.add({})", sets, ints),
    made("{}.discard({})", sets, ints),
    made("{} |= {{1, 2}}", sets),
    made("{} ^= {}", sets, sets),
    made("{}.{} = {}", boxes, attributes, expressions),
    made("{}.grow({})", boxes, expressions),
    made("del {}.{}", boxes, attributes),
    made("{} = {}", boxes, boxes),
    made("setattr({}, 'extra', {})", boxes, expressions),
    made("{}.shared.append({})", boxes, ints),
    made("{}, {} = {}, {}", ints, lists, numbers, lists),
    made("{}, *zs = {}[:3]", ints, lists),
    st.just("next(g)"),
    made("{} = g.send({})", ints, numbers),
    made("g = counter({})", numbers),
    made("f({})", expressions),
    made("total = total + {}", ints),
    made("raise {}({})", st.sampled_from(["KeyError", "ValueError"]), expressions),
    made("return {}", expressions),
    made("assert {}", expressions),
    st.just("pass"),
    st.just("import math"),
    made("del {}", ints),
)


def _joined(parts: list[list[str]]) -> list[str]:
    return [line for part in parts for line in part]


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def _block(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    body = inner.map(_indented)
    return st.one_of(
        st.builds(lambda t, b: [f"if {t}:", *b], expressions, body),
        st.builds(lambda t, a, b: [f"if {t}:", *a, "else:", *b], expressions, body, body),
        st.builds(lambda n, v, b: [f"for {v} in range({n} % 4):", *b], numbers, ints, body),
        st.builds(lambda v, b: [f"for item in list({v})[:3]:", *b], lists, body),
        st.builds(lambda v, b: [f"for i, j in pairs({v}):", *b], lists, body),
        st.builds(
            lambda b, j: ["for _ in range(3):", *b, f"    {j}"],
            body,
            st.sampled_from(["break", "continue", "pass"]),
        ),
        st.builds(
            lambda a, b: ["try:", *a, "except (ValueError, LookupError) as error:", *b], body, body
        ),
        st.builds(
            lambda a, b, c: ["try:", *a, "except Exception:", *b, "finally:", *c], body, body, body
        ),
        st.builds(lambda a, b: ["try:", *a, "finally:", *b], body, body),
        st.builds(lambda o, b: [f"with {o} as inside:", *b], boxes, body),
        st.builds(lambda b: ["def f(a, b=xs, *c):", "    nonlocal i, xs", *b], body),
        st.builds(lambda b: ["def f(a):", *b], body),
        st.builds(lambda e: [f"f = lambda a: (a, {e})"], expressions),
        st.builds(lambda b: ["class Local(Box):", *b, "o = Local(1)"], body),
    )


statements = st.recursive(
    simple.map(lambda line: [line]),
    lambda inner: st.one_of(
        _block(st.lists(inner, min_size=1, max_size=3).map(_joined)),
    ),
    max_leaves=6,
)
bodies = st.lists(statements, min_size=4, max_size=12).map(_joined)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """The text of one program: a few functions over lists, dicts, sets, objects and generators."""
    lines = [PRELUDE]
    count = draw(st.integers(min_value=2, max_value=4))
    for number in range(count):
        lines.append(f"def function_{number}(i, xs, d, *ys, **e):")
        lines += [
            "    global total",
            "    j = k = 0",
            "    zs = xs",
            "    ys = list(ys)",
            "    s, t = {1, 2}, {3}",
            "    o, p = Box(1, xs), Box(d)",
            "    g = counter(3)",
            "    f = str",
        ]
        lines += _indented(draw(bodies))
        lines.append("    return j")
        lines.append("")
    lines.append("common = [1, [2]]")
    for number in range(count):
        lines += [
            "try:",
            f"    result = function_{number}({number}, common, {{'k': common}}, 5, 6, key=common)",
            "    print(type(result).__name__, len(common), total)",
            "except Exception as error:",
            "    print(type(error).__name__, total)",
        ]
    text = "\n".join(lines) + "\n"
    try:
        compile(text, "<generated>", "exec")
    except SyntaxError:
        # A return in a class body, or a name that is both used and declared.
        reject()
    return text


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(
    max_examples=COUNT,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
@given(programs())
def test_recording_of_generated_program_tells_what_happened(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "generated.py"
        program.write_text(text)
        result = check(program)
        assert result.agrees, f"{result.report()}\n{text}"
