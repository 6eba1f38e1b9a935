"""except*: splitting, nesting, re-raising, with finally and else."""


def group(*errors):
    return ExceptionGroup("several", list(errors))


def split(error):
    caught = []
    try:
        raise error
    except* ValueError as values:
        caught.append(("values", [str(e) for e in values.exceptions]))
    except* (TypeError, KeyError) as others:
        caught.append(("others", [type(e).__name__ for e in others.exceptions]))
    else:
        caught.append("nothing")
    finally:
        caught.append("finally")
    return caught


def remaining(error):
    seen = []
    try:
        try:
            raise error
        except* ValueError:
            seen.append("handled values")
    except ExceptionGroup as rest:
        seen.append([type(e).__name__ for e in rest.exceptions])
    return seen


def raising_inside():
    try:
        try:
            raise group(ValueError(1), TypeError(2))
        except* ValueError:
            raise RuntimeError("new")
        except* TypeError as types:
            raise
    except ExceptionGroup as outer:
        found = outer
    kinds = sorted(type(e).__name__ for e in found.exceptions)
    return kinds


def plain():
    try:
        raise ValueError("not a group")
    except* ValueError as wrapped:
        return_value = type(wrapped).__name__, wrapped.exceptions[0].args
    return return_value


def nothing_raised():
    try:
        value = 1
    except* ValueError:
        value = 2
    else:
        value += 10
    return value


def in_a_loop():
    counts = {"v": 0, "t": 0}
    for error in (ValueError(1), TypeError(2), ValueError(3)):
        try:
            raise error
        except* ValueError:
            counts["v"] += 1
        except* TypeError:
            counts["t"] += 1
    return counts


print(split(group(ValueError("a"), TypeError("b"), ValueError("c"), KeyError("d"))))
print(split(group(ValueError("only"))))
print(remaining(group(ValueError("x"), group(TypeError("deep"), ValueError("also")))))
print(raising_inside())
print(plain())
print(nothing_raised())
print(in_a_loop())
