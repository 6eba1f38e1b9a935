"""Programs in which line moments are hard to get right; every one runs to its end without an error."""

from __future__ import annotations

LOOPS = """
def loops(n):
    while n > 0: n -= 1
    while True:
        n += 1
        if n == 2: continue
        if n > 4:
            break
    else:
        n = 0
    for i in range(3): n += i
    for i in range(3):
        if i: continue
        n += 1
    else:
        n += 2
    for (a,
         b) in ((1, 2),
                (3, 4)):
        n += a
    for i in range(2):
        for j in range(2):
            if j: break
        else: n = 1
    i = 0
    while (i <
           3): i += 1
    while i: i -= 1; n += 1
    while i < 3:
        i += 1
        continue
    return n
loops(3)
while True:
    break
for x in range(2): pass
def once():
    while True:
        try:
            return 1
        finally:
            pass
once()
def swallow():
    for i in range(3):
        try:
            if i == 1:
                continue
            if i == 2:
                break
        finally:
            i = 7
    return i
swallow()
"""

CONDITIONS = """
def choose(a, b):
    x = (a
         if b else
         3)
    y = a and b or (
        x)
    if a < b < 5: x = 1
    if a: y = 2
    elif b: y = 3
    else: y = 4
    if not (a and
            b):
        pass
    z = 1 < a < (
        b) < 9
    return (x,
            y, z) if a else (
        y)
for a in range(3):
    for b in range(3):
        choose(a, b)
assert choose(1, 2), (
    "never")
def assertion(x):
    try:
        assert (x ==
                1), "no"
    except AssertionError:
        return 2
assertion(1); assertion(2)
x = [1, 2,
     3]; y = 2
if x: pass
if y: z = 1; w = 2
"""

EXCEPTIONS = """
import contextlib
def f(a):
    try:
        raise ValueError(
            a,
            1)
    except (TypeError,
            KeyError):
        pass
    except ValueError as e:
        z = e
    finally:
        y = 2
    try:
        {}[a]
    except IndexError: pass
    except: y = 3
    else: y = 4
    try: {}[a]
    except KeyError: pass
    try: pass
    except KeyError: pass
    else:
        y = 5
    finally: y = 6
    return y
f(1)
def nested():
    try:
        try:
            1 / 0
        finally:
            a = 1
    except ZeroDivisionError:
        b = 2
    try:
        try:
            raise KeyError
        except KeyError as e:
            raise ValueError from e
    except ValueError as e:
        return e
nested()
def overriding():
    for i in range(2):
        try:
            return 1
        finally:
            continue
    try:
        1 / 0
    finally:
        return 3
overriding()
def unbound():
    with contextlib.suppress(UnboundLocalError):
        nothing
        nothing = 1
unbound()
def withs():
    with contextlib.suppress(KeyError): {}['a']
    with contextlib.suppress(KeyError):
        b = 1
        {}['a']
    with contextlib.suppress(KeyError), \\
         contextlib.suppress(ValueError):
        raise ValueError
    with (contextlib.suppress(KeyError) as x,
          contextlib.suppress(ValueError) as y):
        pass
    for i in range(2):
        with contextlib.suppress(KeyError):
            if i: continue
            {}[1]
    with contextlib.suppress(KeyError):
        return {}[1]
withs()
def reraised():
    with contextlib.suppress(ValueError):
        try:
            {}[1]
        except KeyError as e:
            raise ValueError
    with contextlib.suppress(ValueError):
        try: {}[1]
        except KeyError: raise ValueError
    with contextlib.suppress(KeyError):
        try: {}[1]
        finally: x = 1
    return 1
reraised()
def group():
    try:
        raise ExceptionGroup('a', [ValueError(1), TypeError(2), KeyError(3)])
    except* ValueError as e:
        a = 1
    except* TypeError:
        a = 2
    except* (KeyError,
             OSError) as e:
        a = e
    try:
        raise ValueError
    except* ValueError:
        pass
group()
"""

GENERATORS = """
import contextlib
class Endless:
    def __iter__(self): return self
    def __next__(self): return 1
    def throw(self, *a): raise StopIteration(5)
def sub():
    try:
        yield 1
    except ValueError:
        return 3
def delegating():
    x = yield from sub()
    y = yield from Endless()
    return (x,
            y)
g = delegating(); next(g)
g.throw(ValueError())
try: g.throw(ValueError())
except StopIteration as e: e.value
def throwing():
    yield from Endless()
    pass
    (yield from
     Endless())
    try: yield from Endless()
    except KeyError: pass
g = throwing()
next(g)
for i in range(3):
    try: g.throw(KeyError())
    except StopIteration: pass
def sending():
    v = yield 1
    while v:
        v = yield (
            v)
    try:
        w = yield from [1, 2]
    except ValueError:
        yield 7
    finally:
        v = 1
g = sending(); next(g); g.send(3); g.send(0)
g.throw(ValueError)
list(g)
def withs():
    with contextlib.suppress(KeyError): yield 1
    with contextlib.suppress(KeyError): (yield 1); {}['a']
    with contextlib.suppress(KeyError): [(yield 1), {}['a']]
    for i in [1]:
        with contextlib.suppress(KeyError): yield 1
g = withs()
next(g); g.throw(KeyError())
g.throw(KeyError()); g.send(1)
try: g.throw(KeyError())
except StopIteration: pass
def closed():
    try:
        yield 1
        yield 2
    finally:
        x = 1
g = closed(); next(g); g.close()
g = closed(); g.close()
g = sub(); next(g); g.close()
@contextlib.contextmanager
def manager():
    try:
        yield 1
    except KeyError:
        pass
with manager():
    {}[1]
sum(x for x in range(3)
    if x)
"""

COROUTINES = """
import asyncio, contextlib
class Steps:
    def __await__(self): yield 1
class Manager:
    async def __aenter__(self): await Steps()
    async def __aexit__(self, *a): await Steps(); return True
async def numbers():
    for i in range(3):
        yield i
    try:
        yield 7
    finally:
        await asyncio.sleep(0)
async def main():
    async for x in numbers():
        await asyncio.sleep(0)
    else:
        x = 1
    async for x in numbers():
        if x == 1: break
    async with asyncio.Lock() as l: pass
    async with asyncio.Lock() as l, \\
               asyncio.Lock() as m:
        x = 2
    t = asyncio.create_task(asyncio.sleep(9))
    t.cancel()
    try:
        await t
    except asyncio.CancelledError:
        x = 3
    g = numbers()
    await g.__anext__()
    await g.aclose()
    await asyncio.gather(asyncio.sleep(0),
                         asyncio.sleep(0))
    return [y async for y in numbers()
            if y]
asyncio.run(main())
async def thrown():
    with contextlib.suppress(KeyError): await Steps()
    with contextlib.suppress(KeyError): {}['a'], await Steps()
    async with Manager() as x: await Steps()
    async with Manager() as x: pass
def drive(*actions):
    c = thrown()
    try:
        for _ in range(20):
            for action in actions:
                if action: c.throw(KeyError())
                else: c.send(None)
    except BaseException as e:
        pass
drive(0); drive(0, 1); drive(0, 0, 1); drive(0, 0, 0, 1); drive(1)
async def failing():
    async def target():
        await asyncio.sleep(0.01)
        1 / 0
    async def gen():
        task = asyncio.create_task(target())
        try:
            yield 1
        finally:
            try:
                await task
            except ZeroDivisionError:
                x = 1
    g = gen()
    await g.__anext__()
    await g.aclose()
asyncio.run(failing())
"""

DEFINITIONS = '''
import functools
def deco(f): return f
@deco
@functools.lru_cache(
    maxsize=None)
def decorated(a=1,
              *b, c=(
                  2)): return a
decorated()
class A(object):
    """Doc."""
    x = 1
    if x:
        y = 2
    for i in range(2): pass
    def m(self): return [self
        .x for _ in range(2)]
    @property
    def p(self):
        return self.m()
    z = [x
         for x in range(2)]
A().p
class B(A, metaclass=type): pass
class C(A):
    n: int = 3
    def m(self):
        def inner():
            nonlocal k
            k = 2
            return super(C, self).m()
        k = 1
        inner()
        return super().m()
C().m()
f = lambda x: (
    x)
f(1); (lambda: 3)()
def calls(*a, **k):
    return max(
        1,
        2,
        key=lambda x:
            -x)
calls(1,
      *[2],
      x=3,
      **{'y':
         4})
def gl():
    global G
    G = 1
    del G
    import os.path as p, sys
    from os import (
        path,
        sep)
    return (
        f"{p}"
        f"{1 + 1:>{3}}")
gl()
a: int = 1
def comprehensions(n):
    i = 5
    a = [i for i in range(n)]
    b = {i: j for i in range(n)
         for j in range(i)
         if j}
    c = {(i, j) for i in range(n) for j in [k for k in range(i)]}
    d = [(lambda: i) for i in range(n)]
    e = [[x for x in range(i)]
         for i in range(n)]
    if (y := n) > 1: pass
    try:
        [1 / i for i in range(n)]
    except ZeroDivisionError:
        pass
    return i, a, b, c
comprehensions(3); comprehensions(0)
'''

MATCHING = """
class P:
    __match_args__ = ('x', 'y')
    def __init__(self, x, y): self.x, self.y = x, y
def m(v):
    match v:
        case [a, b] if a > b:
            return 1
        case [1 | 2,
              *rest]:
            return rest
        case {'k': w, **more}: return w
        case P(x=1):
            return 3
        case P(0, y): return y
        case str() | None:
            pass
        case _:
            return 0
    return 9
for v in [2, 1], [1, 2], [3, 4], {'k': 2}, P(1, 2), P(0, 2), P(3, 3), 'a', None, 3:
    m(v)
"""

LONG = (
    "def long(n):\n"
    + "".join(
        f"    if n == {i}: return {i}\n    try:\n        x = [j for j in (\n            n,)]\n"
        f"    finally:\n        y = {i}\n"
        for i in range(80)
    )
    + (
        "    import contextlib\n    while n < 200: n += 1\n"
        "    with contextlib.suppress(KeyError): {}[1]\n    return n\n"
        "long(79); long(-1); long(3)\n"
    )
)

ALL = {
    name.lower(): value
    for name, value in globals().items()
    if name.isupper() and isinstance(value, str)
}
