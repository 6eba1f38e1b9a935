"""Store events alone: one line stores twenty small integers in local variables."""

import stopwatch

# fmt: off


def main(size):
    a = b = c = d = 0
    for i in range(size):
        a = i; b = a; c = b; d = c; a = d; b = a; c = b; d = c; a = d; b = a; c = b; d = c; a = d; b = a; c = b; d = c; a = d; b = a; c = b; d = c  # noqa: E501, E702
    return a + b + c + d


if __name__ == "__main__":
    stopwatch.run(main)
