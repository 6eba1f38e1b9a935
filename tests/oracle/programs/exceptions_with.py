"""try, except, else, finally and with in the orders that surprise."""

import contextlib


class Manager:
    def __init__(self, name, log, swallow=(), enter_error=None, exit_error=None):
        self.name = name
        self.log = log
        self.swallow = swallow
        self.enter_error = enter_error
        self.exit_error = exit_error

    def __enter__(self):
        self.log.append("enter " + self.name)
        if self.enter_error:
            raise self.enter_error
        return self.name.upper()

    def __exit__(self, kind, error, trace):
        self.log.append(f"exit {self.name} {kind and kind.__name__}")
        if self.exit_error:
            raise self.exit_error
        return kind is not None and issubclass(kind, self.swallow)


def overriding():
    try:
        return "from try"
    finally:
        return "from finally"


def overriding_exception():
    try:
        raise ValueError("lost")
    finally:
        return "swallowed"


def loop_and_finally():
    visited = []
    for number in range(5):
        try:
            if number == 1:
                continue
            if number == 3:
                break
            visited.append(number)
        finally:
            visited.append(-number)
    else:
        visited.append("else")
    return visited


def nested():
    steps = []
    try:
        try:
            steps.append(1)
            {}["missing"]
        except KeyError as error:
            steps.append(error.args[0])
            raise LookupError("second") from error
        finally:
            steps.append("inner finally")
    except LookupError as error:
        steps.append(type(error.__cause__).__name__)
        steps.append(error.args)
    else:
        steps.append("never")
    finally:
        steps.append("outer finally")
    return steps


def unbound_after():
    try:
        1 / 0
    except ZeroDivisionError as error:
        message = str(error)
    try:
        error
    except NameError as missing:
        message += " / " + type(missing).__name__
    return message


def managers():
    log = []
    with Manager("a", log) as a, Manager("b", log, (KeyError,)) as b:
        log.append(a + b)
        raise KeyError("gone")
    log.append("after")
    try:
        with Manager("c", log, (ValueError,)):
            with Manager("d", log, exit_error=ValueError("from exit")):
                raise TypeError("replaced")
        log.append("after c")
        with Manager("e", log, enter_error=OSError(5, "no entry")):
            log.append("never")
    except OSError as error:
        log.append(error.errno)
    return log


def returning_from_with(log):
    with Manager("r", log):
        for item in range(3):
            with Manager(str(item), log):
                if item == 1:
                    return item


@contextlib.contextmanager
def managed(log):
    log.append("before")
    try:
        yield "value"
    except ZeroDivisionError:
        log.append("zero")
    finally:
        log.append("finally")


def generator_managers():
    log = []
    with managed(log) as value:
        log.append(value)
        1 // 0
    with contextlib.suppress(IndexError):
        log[99]
    with contextlib.ExitStack() as stack:
        for name in "xy":
            stack.enter_context(Manager(name, log))
        stack.callback(log.append, "callback")
    return log


def reraise():
    def deep(level):
        if level == 0:
            raise RuntimeError("bottom")
        try:
            deep(level - 1)
        except RuntimeError as error:
            error.add_note(f"level {level}")
            raise

    try:
        deep(3)
    except RuntimeError as error:
        return error.__notes__


def chained():
    try:
        try:
            raise ValueError("first")
        except ValueError:
            raise TypeError("second")
    except TypeError as error:
        return type(error.__context__).__name__


def assertion(value):
    assert value > 0, f"bad {value}"
    return value


print(overriding(), overriding_exception())
print(loop_and_finally())
print(nested())
print(unbound_after())
print(managers())
log = []
print(returning_from_with(log), log)
print(generator_managers())
print(reraise(), chained())
try:
    assertion(1)
    assertion(-1)
except AssertionError as error:
    print(error)
