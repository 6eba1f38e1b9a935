"""Parses and evaluates a small language with lark: with Earley, which finds all readings, and with LALR."""

from lark import Lark, Transformer, v_args

STATEMENTS = r"""
    ?start: statement+
    ?statement: "if" sum "then" statement -> if_then
              | "if" sum "then" statement "else" statement -> if_else
              | NAME "=" sum ";" -> assign
              | "print" sum ";" -> show
    ?sum: product
        | sum "+" product -> add
        | sum "-" product -> subtract
    ?product: atom
        | product "*" atom -> multiply
        | product "/" atom -> divide
    ?atom: NUMBER -> number
        | "-" atom -> negative
        | NAME -> variable
        | "(" sum ")"
    %import common.CNAME -> NAME
    %import common.NUMBER
    %import common.WS
    %import common.SH_COMMENT
    %ignore WS
    %ignore SH_COMMENT
"""

JSON = r"""
    ?value: object | array | string | SIGNED_NUMBER -> number
          | "true" -> true | "false" -> false | "null" -> null
    array: "[" [value ("," value)*] "]"
    object: "{" [pair ("," pair)*] "}"
    pair: string ":" value
    string: ESCAPED_STRING
    %import common.ESCAPED_STRING
    %import common.SIGNED_NUMBER
    %import common.WS
    %ignore WS
"""

PROGRAM = """
x = 3 + 4 * 2;
if x - 11 then if x then print 1; else print 2;
y = (x - 1) * -x / 2;
print y;
"""


class Evaluate:
    """Runs a tree of the small language."""

    def __init__(self):
        self.variables = {}
        self.output = []

    def run(self, tree):
        return getattr(self, tree.data)(*tree.children)

    def start(self, *statements):
        for statement in statements:
            self.run(statement)

    def assign(self, name, value):
        self.variables[str(name)] = self.run(value)

    def show(self, value):
        self.output.append(self.run(value))

    def if_then(self, condition, body):
        if self.run(condition):
            self.run(body)

    def if_else(self, condition, body, other):
        self.run(body if self.run(condition) else other)

    def add(self, a, b):
        return self.run(a) + self.run(b)

    def subtract(self, a, b):
        return self.run(a) - self.run(b)

    def multiply(self, a, b):
        return self.run(a) * self.run(b)

    def divide(self, a, b):
        return self.run(a) / self.run(b)

    def negative(self, a):
        return -self.run(a)

    def number(self, token):
        return float(token)

    def variable(self, name):
        return self.variables[str(name)]


class ToPython(Transformer):
    array = list
    object = dict
    pair = tuple
    number = v_args(inline=True)(float)

    def null(self, _):
        return None

    def true(self, _):
        return True

    def false(self, _):
        return False

    @v_args(inline=True)
    def string(self, token):
        return token[1:-1].replace('\\"', '"')


def main():
    earley = Lark(STATEMENTS, parser="earley", ambiguity="resolve")
    tree = earley.parse(PROGRAM)
    print(tree.pretty())
    evaluate = Evaluate()
    evaluate.run(tree)
    print(evaluate.variables, evaluate.output)
    json = Lark(JSON, start="value", parser="lalr", transformer=ToPython())
    items = [f'{{"n": {n}, "s": "x\\"{n}", "l": [true, null, [{n}.5]]}}' for n in range(4)]
    text = "[" + ", ".join(items) + "]"
    data = json.parse(text)
    print(data[3], len(data))


main()
