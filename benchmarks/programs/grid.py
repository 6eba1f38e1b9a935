"""Tables of lists: distances between words, and a game of life; stores of items in nested loops."""

import stopwatch

WORDS = ("recording", "rewinding", "according", "remaking", "wording", "ordering", "regarding")


def distance(one, other):
    """Return the edit distance of two words, with the whole table in memory."""
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for row in range(len(one) + 1):
        rows[row][0] = row
    for column in range(len(other) + 1):
        rows[0][column] = column
    for row in range(1, len(one) + 1):
        for column in range(1, len(other) + 1):
            if one[row - 1] == other[column - 1]:
                cost = rows[row - 1][column - 1]
            else:
                cost = 1 + min(
                    rows[row - 1][column - 1], rows[row - 1][column], rows[row][column - 1]
                )
            rows[row][column] = cost
    return rows[-1][-1]


def neighbours(cells, row, column, size):
    count = 0
    for down in (-1, 0, 1):
        line = cells[(row + down) % size]
        count += line[column - 1] + line[column] + line[(column + 1) % size]
    return count - cells[row][column]


def generation(cells, following, size):
    """Write the generation after `cells` into `following`."""
    for row in range(size):
        for column in range(size):
            count = neighbours(cells, row, column, size)
            following[row][column] = int(count == 3 or (count == 2 and cells[row][column]))


def main(size):
    side = 12
    cells = [[(row * 5 + column * 3) % 7 < 3 for column in range(side)] for row in range(side)]
    other = [[0] * side for _ in range(side)]
    checksum = 0
    for turn in range(size):
        one = WORDS[turn % len(WORDS)]
        checksum += distance(one, WORDS[(turn + 3) % len(WORDS)])
        generation(cells, other, side)
        cells, other = other, cells
        cells[turn % side][turn % 5] = 1
        checksum = (checksum * 13 + sum(map(sum, cells))) % 1000000007
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
