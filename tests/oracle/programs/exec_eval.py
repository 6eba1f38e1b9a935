"""exec, eval, compile: generated code that reads and changes the program's own state."""

total = 10
namespace = {"given": [1, 2]}
exec("given.append(3)\nmade = {'from': 'exec'}", namespace)
print(namespace["given"], namespace["made"])
exec("total += 5\nfresh = [total]")
print(total, fresh)
print(eval("total * 2"), eval("[x + total for x in given]", {"total": 1, "given": [1, 2]}))


def inside(value):
    local = [value]
    exec("local.append('from exec')")
    result = eval("local + [value]")
    return result, local


def with_own_namespace():
    scope = {}
    code = compile("def double(n):\n    return n * 2\nresult = double(21)\n", "<generated>", "exec")
    exec(code, scope)
    again = scope["double"](4)
    return scope["result"], again


def callback(log):
    scope = {"log": log, "note": lambda text: log.append(text.upper())}
    exec("for word in ['a', 'b']:\n    note(word)\nlog.insert(0, 'start')", scope)
    return log


def expression(text, **names):
    code = compile(text, "<expression>", "eval")
    return eval(code, {"__builtins__": {}}, names)


def failing():
    try:
        exec("x = 1\ny = x / 0", {})
    except ZeroDivisionError as error:
        kind = type(error).__name__
    try:
        eval("1 +")
    except SyntaxError as error:
        kind += " " + type(error).__name__
    return kind


def make_function(name, body):
    scope = {}
    exec(f"def {name}(a, b):\n    return {body}", scope)
    return scope[name]


print(inside(5))
print(with_own_namespace())
print(callback([]))
print(expression("a * b + 1", a=6, b=7))
print(failing())
print(make_function("add", "a + b")(2, 3))


class Body:
    exec("attribute = 'set by exec'")
    exec("def method(self):\n    return self.attribute")


print(Body().method())
