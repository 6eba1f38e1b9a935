"""Threads that fail, executors, timers, and a thread that outlives the main module."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

failures = []


def hook(arguments):
    failures.append((arguments.thread.name, arguments.exc_type.__name__, str(arguments.exc_value)))


threading.excepthook = hook


def fails(level):
    if level == 0:
        raise ValueError("in thread")
    fails(level - 1)


def leaves():
    before = "exit"
    sys.exit(before)


def square(n):
    if n == 3:
        raise ArithmeticError(n)
    result = n * n
    return result


def in_thread(target, *args, name):
    thread = threading.Thread(target=target, args=args, name=name)
    thread.start(); thread.join()
    return thread.is_alive()


def pool():
    results = []
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pool") as executor:
        for n in range(4):
            future = executor.submit(square, n)
            try: results.append(future.result())
            except ArithmeticError as error: results.append(str(error))
    return results


def late():
    threading.main_thread().join()
    message = "after main"
    print(message)


print(in_thread(fails, 2, name="failing"), in_thread(leaves, name="leaving"))
print(failures)
print(pool())
last = threading.Thread(target=late, name="late")
last.start()
