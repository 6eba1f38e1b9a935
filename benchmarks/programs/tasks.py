"""An asyncio queue: producers, workers and a collector, which hand orders to each other."""

import asyncio

import stopwatch


class Order:
    """A piece of work on its way."""

    def __init__(self, number, amount):
        self.number = number
        self.amount = amount
        self.price = 0


async def produce(queue, first, count):
    for number in range(first, first + count):
        await queue.put(Order(number, number % 7 + 1))
        if number % 5 == 0:
            await asyncio.sleep(0)


async def work(orders, done):
    while True:
        order = await orders.get()
        if order is None:
            await done.put(None)
            return
        price = 0
        for piece in range(order.amount):
            price += (order.number * 31 + piece * 17) % 101
        order.price = price
        await done.put(order)


async def collect(done, workers):
    total = 0
    while workers:
        order = await done.get()
        if order is None:
            workers -= 1
        else:
            total = (total * 3 + order.price) % 1000000007
    return total


async def day(size):
    orders = asyncio.Queue(maxsize=8)
    done = asyncio.Queue(maxsize=8)
    workers = [asyncio.create_task(work(orders, done)) for _ in range(3)]
    total = asyncio.create_task(collect(done, len(workers)))
    await asyncio.gather(*(produce(orders, place * size, size) for place in range(4)))
    for _ in workers:
        await orders.put(None)
    await asyncio.gather(*workers)
    return await total


def main(size):
    return asyncio.run(day(size))


if __name__ == "__main__":
    stopwatch.run(main)
