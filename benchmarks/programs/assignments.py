"""A line event and a store event each: every line stores a small integer in a local variable."""

import stopwatch


def main(size):
    a = b = c = d = 0
    for i in range(size):
        a = i
        b = a
        c = b
        d = c
        a = d
        b = a
        c = b
        d = c
        a = d
        b = a
        c = b
        d = c
        a = d
        b = a
        c = b
        d = c
        a = d
        b = a
        c = b
        d = c
    return a + b + c + d


if __name__ == "__main__":
    stopwatch.run(main)
