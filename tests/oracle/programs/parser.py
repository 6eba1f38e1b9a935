"""A recursive-descent parser and its evaluator: nested calls, an iterator with state, errors that go through all of it."""

import operator
import re

TOKEN = re.compile(r"\s*(?:(\d+\.?\d*)|([A-Za-z_]\w*)|(.))")
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


class ParseError(ValueError):
    def __init__(self, text, position):
        super().__init__(f"{text} at {position}")
        self.position = position


class Tokens:
    def __init__(self, text):
        self.stream = [match.groups() for match in TOKEN.finditer(text)]
        self.place = 0

    def peek(self):
        if self.place < len(self.stream):
            number, name, sign = self.stream[self.place]
            return ("number", float(number)) if number else ("name", name) if name else ("sign", sign)
        return ("end", None)

    def take(self, *wanted):
        kind, value = found = self.peek()
        if wanted and value not in wanted:
            raise ParseError(f"expected {' or '.join(wanted)}, found {value!r}", self.place)
        self.place += 1
        return found


def expression(tokens):
    left = term(tokens)
    while tokens.peek()[1] in ("+", "-"):
        _, sign = tokens.take()
        left = (sign, left, term(tokens))
    return left


def term(tokens):
    left = factor(tokens)
    while tokens.peek()[1] in ("*", "/"):
        sign = tokens.take()[1]
        left = (sign, left, factor(tokens))
    return left


def factor(tokens):
    match tokens.peek():
        case ("number", value):
            tokens.take()
            return value
        case ("name", name):
            tokens.take()
            return ("name", name)
        case ("sign", "("):
            tokens.take("(")
            inner = expression(tokens)
            tokens.take(")")
            return inner
        case ("sign", "-"):
            tokens.take()
            return ("-", 0.0, factor(tokens))
        case other:
            raise ParseError(f"unexpected {other[1]!r}", tokens.place)


def value_of(tree, names):
    match tree:
        case float():
            return tree
        case ("name", name):
            return names[name]
        case (sign, left, right):
            return OPERATORS[sign](value_of(left, names), value_of(right, names))


results = {}
for text in ("1 + 2 * 3", "-(a - 4) / b", "2 * (3 + ", "1 / (b - b)", "nobody", "* 5"):
    try:
        tokens = Tokens(text)
        tree = expression(tokens)
        results[text] = value_of(tree, {"a": 10.0, "b": 2.0})
    except ParseError as error:
        results[text] = error.args, error.position
    except (ZeroDivisionError, KeyError) as error:
        results[text] = repr(error)
for line in results.items():
    print(line)
