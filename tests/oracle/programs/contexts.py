"""contextlib and contextvars: managers made of generators, stacks of exits, suppressed errors, copies of contexts."""

import contextlib
import contextvars

level = contextvars.ContextVar("level", default=0)


@contextlib.contextmanager
def raised_level(by):
    token = level.set(level.get() + by)
    try:
        yield level.get()
    except KeyError as error:
        log.append(("swallowed", error.args))
    finally:
        level.reset(token)


class Closing:
    def __init__(self, name):
        self.name = name
        self.closed = False

    def close(self):
        self.closed = True
        log.append(self.name)


log = []


def nested():
    with raised_level(1) as first, raised_level(10) as second:
        found = [first, second, level.get()]
        raise KeyError("inner", found)
    return found, level.get()


def stacked():
    things = [Closing(name) for name in "abc"]
    with contextlib.ExitStack() as stack:
        for thing in things:
            stack.enter_context(contextlib.closing(thing))
        stack.callback(log.append, ["callback"])
        with contextlib.suppress(ZeroDivisionError):
            log.append(1 / 0)
        kept = stack.pop_all()
        before = [thing.closed for thing in things]
    kept.close()
    return before, [thing.closed for thing in things]


def copied():
    context = contextvars.copy_context()
    inside = context.run(lambda: [level.set(5), level.get()][1])
    return inside, level.get(), context[level]


def redirected():
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print("hidden", [1, 2])
    return out.getvalue().split()


print(nested())
print(stacked())
print(copied())
print(redirected())
print(log)
