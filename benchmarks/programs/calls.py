"""Recursive calls: small functions that do little but call themselves."""

import stopwatch


def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def partitions(total, largest):
    """In how many ways `total` is a sum of positive numbers up to `largest`."""
    if total == 0:
        return 1
    if total < 0 or largest == 0:
        return 0
    return partitions(total - largest, largest) + partitions(total, largest - 1)


def move(disks, source, target, spare):
    """The number of moves that take a tower from one place to another."""
    if disks == 0:
        return 0
    before = move(disks - 1, source, spare, target)
    after = move(disks - 1, spare, target, source)
    return before + 1 + after


def main(size):
    checksum = 0
    for turn in range(size):
        checksum += fibonacci(10 + turn % 3)
        checksum += partitions(8 + turn % 3, 6)
        checksum += move(5, "a", "b", "c")
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
