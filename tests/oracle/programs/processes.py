"""multiprocessing with spawn and fork: functions of the main module run elsewhere."""

import multiprocessing
import sys


def square(n):
    return n * n


def put(queue, name):
    queue.put((name, __name__))


def spawned():
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        result = pool.map(square, [1, 2, 3])
    return result


def forked():
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=put, args=(queue, "child"))
    process.start()
    message = queue.get()
    process.join()
    code = process.exitcode
    process = queue = context = None
    return message, code


if __name__ == "__main__":
    print(spawned())
    sys.stdout.flush()
    print(forked())
