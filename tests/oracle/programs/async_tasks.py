"""Tasks: await, gather, queues, cancellation, timeouts of zero, exceptions out of tasks."""

import asyncio


class Account:
    def __init__(self, balance):
        self.balance = balance
        self.history = []

    async def withdraw(self, amount):
        before = self.balance
        await asyncio.sleep(0)
        self.balance = before - amount
        self.history.append((before, amount))


async def producer(queue, items):
    for item in items:
        await queue.put(item)
        await asyncio.sleep(0)
    await queue.put(None)


async def consumer(queue):
    got = []
    while True:
        item = await queue.get()
        if item is None:
            break
        got.append(item * 2)
    return got


async def cancelled(log):
    try:
        log.append("waiting")
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
    finally:
        log.append("cleaned")


async def stubborn(log):
    for attempt in range(3):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append(attempt)
            if attempt == 1:
                return "gave up"


async def failing(number):
    await asyncio.sleep(0)
    if number % 2:
        raise ValueError(number)
    return number


async def lost_update():
    account = Account(100)
    await asyncio.gather(account.withdraw(30), account.withdraw(50))
    return account.balance, account.history


async def pipeline():
    queue = asyncio.Queue(maxsize=1)
    sender = asyncio.create_task(producer(queue, ["a", "b", "c"]))
    result = await consumer(queue)
    await sender
    return result


async def cancellation():
    log = []
    task = asyncio.create_task(cancelled(log))
    await asyncio.sleep(0)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError as error:
        log.append(type(error).__name__)
    other = asyncio.create_task(stubborn(log))
    await asyncio.sleep(0)
    other.cancel()
    await asyncio.sleep(0)
    other.cancel()
    log.append(await other)
    return log


async def gathering():
    results = await asyncio.gather(*(failing(n) for n in range(4)), return_exceptions=True)
    shown = [r if isinstance(r, int) else repr(r) for r in results]
    try:
        await asyncio.gather(failing(1), failing(2))
    except ValueError as error:
        shown.append(error.args[0])
    return shown


async def groups():
    order = []

    async def member(name, rounds):
        for turn in range(rounds):
            order.append(name + str(turn))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(member("x", 2))
        group.create_task(member("y", 3))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing(1))
            group.create_task(member("z", 5))
    except* ValueError as caught:
        order.append(len(caught.exceptions))
    return order


async def deadline():
    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(3600)
    except TimeoutError:
        return "timed out"


async def main():
    print(await lost_update())
    print(await pipeline())
    print(await cancellation())
    print(await gathering())
    print(await groups())
    print(await deadline())


asyncio.run(main())
