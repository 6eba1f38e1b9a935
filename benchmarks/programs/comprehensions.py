"""Comprehensions and generator expressions of all kinds, nested and filtered, over small tables."""

import stopwatch


def table(turn):
    """Return rows of numbers."""
    return [[(row * column + turn) % 23 for column in range(8)] for row in range(6)]


def transposed(rows):
    return [[row[place] for row in rows] for place in range(len(rows[0]))]


def product(left, right):
    """Return the matrix product."""
    columns = transposed(right)
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left
    ]


def grouped(rows):
    """Return the values by their remainder."""
    values = [value for row in rows for value in row if value % 2]
    return {rest: [value for value in values if value % 5 == rest] for rest in range(5)}


def main(size):
    checksum = 0
    for turn in range(size):
        rows = table(turn)
        square = product(rows, transposed(rows))
        distinct = {value for line in square for value in line}
        groups = grouped(rows)
        evens = sum(1 for value in distinct if not value & 1)
        longest = max(len(group) for group in groups.values())
        flags = {key: all(one > key for one in group) for key, group in groups.items()}
        checksum = (checksum * 7 + sum(distinct) + evens + longest) % 1000000007
        checksum += sum(flag for flag in flags.values())
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
