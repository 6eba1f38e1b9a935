"""Async generators, async comprehensions, async with and for, aclose and athrow."""

import asyncio

log = []


async def ticks(count):
    try:
        for number in range(count):
            await asyncio.sleep(0)
            received = yield number
            if received:
                log.append(("received", received))
    finally:
        log.append("ticks closed")


class Session:
    def __init__(self, name):
        self.name = name
        self.state = "new"

    async def __aenter__(self):
        await asyncio.sleep(0)
        self.state = "open"
        return self

    async def __aexit__(self, kind, error, trace):
        await asyncio.sleep(0)
        self.state = "closed"
        log.append((self.name, None if kind is None else kind.__name__))
        return kind is KeyError


class Numbers:
    def __init__(self, stop):
        self.stop = stop
        self.at = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.at >= self.stop:
            raise StopAsyncIteration
        self.at += 1
        await asyncio.sleep(0)
        return self.at


async def consume():
    total = 0
    async for number in ticks(3):
        total += number
    else:
        total += 100
    return total


async def partial():
    generator = ticks(10)
    seen = []
    async for number in generator:
        seen.append(number)
        if number == 1:
            break
    await generator.aclose()
    return seen


async def sending():
    generator = ticks(5)
    first = await generator.asend(None)
    second = await generator.asend("hello")
    try:
        await generator.athrow(ValueError("thrown"))
    except ValueError as error:
        log.append(str(error))
    return [first, second]


async def comprehensions():
    doubled = [2 * n async for n in Numbers(3)]
    odd = {n async for n in Numbers(4) if n % 2}
    table = {n: await asyncio.sleep(0, n * n) async for n in Numbers(2)}
    nested = [[m + n async for m in Numbers(2)] for n in (10, 20)]
    return doubled, sorted(odd), table, nested


async def sessions():
    async with Session("one") as one, Session("two") as two:
        log.append((one.state, two.state))
    async with Session("three"):
        raise KeyError("swallowed")
    return one.state


async def main():
    print(await consume())
    print(await partial())
    print(await sending())
    print(await comprehensions())
    print(await sessions())
    for entry in log:
        print(entry)


asyncio.run(main())
