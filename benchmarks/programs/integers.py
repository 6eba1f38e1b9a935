"""An integer loop: a random number generator, bit counts and Collatz chains, all in local variables."""

import stopwatch

MASK = (1 << 32) - 1


def chain(number):
    """Return the steps that `number` takes down to 1."""
    steps = 0
    while number != 1:
        if number & 1:
            number = 3 * number + 1
        else:
            number >>= 1
        steps += 1
    return steps


def bits(word):
    count = 0
    while word:
        word &= word - 1
        count += 1
    return count


def main(size):
    state = 2463534242
    checksum = 0
    for turn in range(size):
        state ^= (state << 13) & MASK
        state ^= state >> 17
        state ^= (state << 5) & MASK
        checksum += bits(state)
        checksum += chain(turn % 97 + 1)
        checksum = checksum * 31 % 1000003
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
