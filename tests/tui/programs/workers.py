"""Threads, generators, recursion and an exception that leaves several frames."""

import threading

results = []


def numbers(limit):
    for number in range(limit):
        yield number * number


def factorial(n):
    if n <= 1:
        return 1
    return n * factorial(n - 1)


def work(name, limit):
    total = 0
    for square in numbers(limit):
        total += square
    results.append((name, total))


def deep(level):
    if level == 0:
        raise KeyError("bottom")
    try:
        deep(level - 1)
    finally:
        level = -level


def main():
    threads = [
        threading.Thread(target=work, args=(f"w{i}", 3 + i), name=f"worker-{i}") for i in range(2)
    ]
    for thread in threads:
        thread.start()
        thread.join()
    value = factorial(4)
    try:
        deep(2)
    except KeyError:
        value += 1
    print("done", value, len(results))


main()
