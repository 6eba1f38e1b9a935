"""Every kind of statement, run by the tests of the control-flow graph; each function is called with no argument.

The text is read as a file, so its lines must stay apart from one another as they are.
"""

# ruff: noqa
import contextlib


def branches():
    total = 0
    for number in range(6):
        if number == 0:
            total += 1
        elif number == 1:
            total += 2
        elif number == 2 and total:
            total += 3
        else:
            total += 4
    if total > 100:
        total = 0
    return total


def loops():
    count = 0
    while count < 5:
        count += 1
        if count == 2:
            continue
        if count == 4:
            break
    else:
        count = -1
    for item in []:
        pass
    else:
        count += 10
    while True:
        count += 1
        if count > 20:
            break
    for item in (
        1,
        2,
    ):
        count += item
    return count


def tries():
    seen = []
    for error in (KeyError, ValueError, None):
        try:
            seen.append(1)
            if error:
                raise error
            seen.append(2)
        except KeyError:
            seen.append(3)
        except (ValueError, TypeError) as caught:
            seen.append(4)
        else:
            seen.append(5)
        finally:
            seen.append(6)
    return seen


def bare():
    try:
        raise KeyError
    except:
        x = 1
    return x


def final(value=3):
    for number in range(value):
        try:
            if number == 0:
                continue
            if number == 2:
                return number
        finally:
            value += 1
    return None


def managers():
    total = 0
    with contextlib.nullcontext(1) as one:
        total += one
    for number in range(3):
        with contextlib.suppress(KeyError), contextlib.nullcontext():
            total += 1
            if number == 1:
                raise KeyError
            total += 1
    with contextlib.nullcontext():
        return total


def matching():
    out = []
    for value in (1, "a", [1, 2], None, {"k": 1}):
        match value:
            case 1:
                out.append("one")
            case str() as text if text:
                out.append(text)
            case [first, *rest]:
                out.append(first)
            case {"k": inner}:
                out.append(inner)
            case _:
                out.append(None)
    return out


def groups():
    out = []
    try:
        raise ExceptionGroup("g", [KeyError(1), ValueError(2)])
    except* KeyError:
        out.append(1)
    except* ValueError:
        out.append(2)
    return out


def nested():
    @contextlib.contextmanager
    def manager():
        yield 1

    class Inner:
        value = 1

        def method(self):
            return self.value

    square = lambda x: x * x
    with manager() as one:
        result = [square(x) for x in range(3)]
    return Inner().method() + one + sum(result)


def generator():
    def produce():
        received = 0
        while received < 3:
            received += yield received
        return received

    got = []
    produced = produce()
    next(produced)
    try:
        while True:
            got.append(produced.send(1))
    except StopIteration:
        return got


def short():
    x = 3
    while x:
        x -= 1
    if x:
        x = 5
    else:
        x = 6
    for i in range(3):
        x += i
    return x


def unwinding():
    def inner(n):
        if n:
            inner(n - 1)
        else:
            raise OSError
        return n

    try:
        inner(3)
    except OSError:
        pass


def asserting():
    assert True
    try:
        assert False, "no"
    except AssertionError:
        pass
    x = yield_none = None
    del x
    return yield_none


async def waits():
    async with contextlib.AsyncExitStack() as stack:
        async for item in counted():
            if item:
                break
        else:
            return stack
    return 1


async def counted():
    yield 0
    yield 1


def asynchronous():
    try:
        waits().send(None)
    except StopIteration as stop:
        return stop.value


ALL = [
    branches,
    loops,
    tries,
    bare,
    final,
    managers,
    matching,
    groups,
    nested,
    generator,
    short,
    unwinding,
    asserting,
    asynchronous,
]
