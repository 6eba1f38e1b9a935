"""A recursive-descent parser: arithmetic with variables and functions, parsed to a tree and evaluated."""

import stopwatch

TEXTS = (
    "1 + 2 * 3 - 4 / (5 - 3)",
    "let a = 7 in let b = a * a - 1 in (a + b) * (a - b) % 1009",
    "max(min(3, 1 + 1), twice(4) - 2 * (6 - 3), -5 * -(2 + 1))",
    "let x = 12 in ((x * x + 3 * x + 7) % 97) * twice(x - twice(2))",
    "((((1 + 2) * 3 + 4) * 5 + 6) * 7 + 8) % (9 * 10 + 11)",
)


class Token:
    """A word of the text: its kind, the text itself, where it stands."""

    def __init__(self, kind, text, place):
        self.kind = kind
        self.text = text
        self.place = place


class Number:
    """A literal."""

    def __init__(self, value):
        self.value = value

    def evaluate(self, names):
        return self.value


class Name:
    """A variable."""

    def __init__(self, name):
        self.name = name

    def evaluate(self, names):
        return names[self.name]


class Operation:
    """Two operands and what is done with them."""

    def __init__(self, operator, left, right):
        self.operator = operator
        self.left = left
        self.right = right

    def evaluate(self, names):
        left = self.left.evaluate(names)
        right = self.right.evaluate(names)
        if self.operator == "+":
            return left + right
        if self.operator == "-":
            return left - right
        if self.operator == "*":
            return left * right
        if self.operator == "/":
            return left // right
        return left % right


class Binding:
    """`let NAME = VALUE in BODY`."""

    def __init__(self, name, value, body):
        self.name = name
        self.value = value
        self.body = body

    def evaluate(self, names):
        inner = dict(names)
        inner[self.name] = self.value.evaluate(names)
        return self.body.evaluate(inner)


class Call:
    """A function of the language."""

    def __init__(self, name, arguments):
        self.name = name
        self.arguments = arguments

    def evaluate(self, names):
        values = [argument.evaluate(names) for argument in self.arguments]
        if self.name == "max":
            return max(values)
        if self.name == "min":
            return min(values)
        return 2 * values[0]


def tokens_of(text):
    tokens = []
    place = 0
    while place < len(text):
        letter = text[place]
        if letter == " ":
            place += 1
            continue
        end = place + 1
        if letter.isdigit():
            kind = "number"
            while end < len(text) and text[end].isdigit():
                end += 1
        elif letter.isalpha():
            kind = "word"
            while end < len(text) and text[end].isalpha():
                end += 1
        else:
            kind = "sign"
        tokens.append(Token(kind, text[place:end], place))
        place = end
    tokens.append(Token("end", "", place))
    return tokens


class Parser:
    """One method for each rule of the grammar."""

    def __init__(self, text):
        self.tokens = tokens_of(text)
        self.index = 0

    def peek(self):
        return self.tokens[self.index]

    def advance(self):
        token = self.tokens[self.index]
        self.index += 1
        return token

    def accept(self, text):
        if self.tokens[self.index].text == text:
            self.index += 1
            return True
        return False

    def expect(self, text):
        token = self.advance()
        if token.text != text:
            raise SyntaxError(f"{text!r} expected at {token.place}, not {token.text!r}")

    def expression(self):
        if self.accept("let"):
            name = self.advance().text
            self.expect("=")
            value = self.expression()
            self.expect("in")
            return Binding(name, value, self.expression())
        return self.sum()

    def sum(self):
        left = self.product()
        while self.peek().text in ("+", "-"):
            operator = self.advance().text
            left = Operation(operator, left, self.product())
        return left

    def product(self):
        left = self.factor()
        while self.peek().text in ("*", "/", "%"):
            operator = self.advance().text
            left = Operation(operator, left, self.factor())
        return left

    def factor(self):
        if self.accept("-"):
            return Operation("-", Number(0), self.factor())
        if self.accept("("):
            inner = self.expression()
            self.expect(")")
            return inner
        token = self.advance()
        if token.kind == "number":
            return Number(int(token.text))
        if token.kind != "word":
            raise SyntaxError(f"a value expected at {token.place}, not {token.text!r}")
        if self.accept("("):
            return Call(token.text, self.arguments())
        return Name(token.text)

    def arguments(self):
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        self.expect(")")
        return found


def main(size):
    checksum = 0
    for turn in range(size):
        text = TEXTS[turn % len(TEXTS)]
        value = Parser(f"{text} + {turn % 89}").expression().evaluate({})
        checksum = (checksum * 33 + value) % 1000000007
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
