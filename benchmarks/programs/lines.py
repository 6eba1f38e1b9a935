"""Line events alone: every line but the loop's own reads a local variable and drops it."""
# ruff: noqa: B018

import stopwatch


def main(size):
    a = 1
    for _ in range(size):
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
        a
    return a


if __name__ == "__main__":
    stopwatch.run(main)
