"""Statements of every shape, for where line events fall."""


def one_liners(n):
    if n: a = 1; b = 2
    else: a = 3; b = 4
    for i in range(2): b += i
    while b > 5: b -= 1
    try: c = a / n
    except ZeroDivisionError: c = "zero"
    finally: d = c
    return a, b, c, d


def multi_line_calls(x):
    result = max(
        x,
        min(
            3,
            x + 1,
        ),
        key=lambda v: (
            -v
        ),
    )
    total = (
        x
        + result
        * 2
    )
    text = (
        "a"
        "b"
        f"{total if x else 0}"
    ) if False else "plain"
    values = {
        "one": x,
        "two": [
            total,
            result,
        ],
    }
    return (
        result,
        total,
        text,
        values,
    )


def conditions(a, b, c):
    if (
        a
        and b
        or not c
    ):
        kind = "first"
    elif a == b == c:
        kind = "second"
    elif a < b < c or (
        b > c
    ):
        kind = "third"
    else:
        kind = "fourth"
    value = (
        "yes"
        if a
        else "no"
    )
    return kind, value


def loops():
    out = []
    for a in range(3):
        if a == 1:
            continue
        out.append(a)
    else:
        out.append("else")
    n = 5
    while True:
        n -= 1
        if n % 2:
            continue
        if n < 2:
            break
        out.append(n)
    while n > 0:
        n -= 1
    else:
        out.append("while else")
    for _ in ():
        pass
    for x in (
        1,
        2,
    ):
        pass
    return out


def try_in_loop():
    out = []
    for i in range(4):
        try:
            if i == 0:
                continue
            if i == 1:
                raise ValueError(i)
            if i == 3:
                break
            out.append(i)
        except ValueError as error:
            out.append(str(error))
            continue
        else:
            out.append("else")
        finally:
            out.append("finally")
    return out


def nothing():
    pass


def only_docstring():
    """Nothing else."""


def only_return():
    return


def dead_code(flag):
    if flag:
        return "early"
        print("never")
    while False:
        print("never")
    if 0:
        print("never")
    if __debug__:
        flag = "debug"
    return flag


def withs(manager):
    with manager, manager as second:
        inside = second
    with (
        manager as a,
        manager as b,
    ):
        inside += a + b
    return inside


def asserts(x):
    assert x
    assert x > 0, (
        "message"
    )
    assert isinstance(
        x,
        int,
    )
    return x


def deletes():
    a = b = [1, 2, 3]
    del a[0], \
        a[0]
    x = 1; del x
    return b


def strings(name):
    text = f"""
    {name}
    {name * 2}
    """
    return text.strip()


def raising():
    try:
        raise ValueError(
            "a",
            "b",
        )
    except (
        ValueError,
        TypeError,
    ) as error:
        return error.args


def nested(flag):
    def inner():
        if flag:
            return [
                n
                for n in range(3)
                if n
            ]
        return None
    class Local:
        x = 1
        def method(self): return self.x
    return inner(), Local().method()


def boolean_returns(a, b):
    return a and \
        b or \
        not a


def ternary_chain(n):
    return "neg" if n < 0 else "zero" if n == 0 else "pos"


def while_with_complex(items):
    while items and (
        items[-1] > 1
    ):
        items.pop()
    return items


class Manager:
    def __enter__(self): return 1
    def __exit__(self, *details): return None


print(one_liners(0), one_liners(2))
print(multi_line_calls(2))
print(conditions(1, 1, 1), conditions(0, 0, 0), conditions(0, 1, 2), conditions(0, 3, 2), conditions(1, 0, 1))
print(loops())
print(try_in_loop())
print(nothing(), only_docstring(), only_return())
print(dead_code(True), dead_code(False))
print(withs(Manager()))
print(asserts(3), deletes())
print(strings("n"))
print(raising(), nested(True), nested(False))
print(boolean_returns(1, 0), boolean_returns(0, 1))
print([ternary_chain(n) for n in (-1, 0, 1)])
print(while_with_complex([1, 2, 3]))
if True: x = 1
if x: pass
else: print("never")
for x in range(2): pass
print(x); print(x)
lambda: None
"""A string in the middle."""
print("end")
