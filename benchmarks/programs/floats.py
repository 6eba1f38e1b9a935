"""A float loop: an orbit's escape time, an integral and a root, all in local variables."""

import math

import stopwatch


def escape_time(real, imaginary, limit):
    """Return after how many steps z² + c leaves the circle of radius 2."""
    x = y = 0.0
    for step in range(limit):
        xx = x * x
        yy = y * y
        if xx + yy > 4.0:
            return step
        y = 2.0 * x * y + imaginary
        x = xx - yy + real
    return limit


def integral(low, high, parts):
    """Return the area under a bell curve by the trapezoidal rule."""
    width = (high - low) / parts
    area = 0.5 * (math.exp(-low * low) + math.exp(-high * high))
    for part in range(1, parts):
        x = low + part * width
        area += math.exp(-x * x)
    return area * width


def root(value):
    """Return the square root of `value` by Newton's method."""
    guess = value
    while True:
        better = 0.5 * (guess + value / guess)
        if abs(better - guess) < 1e-12 * better:
            return better
        guess = better


def main(size):
    checksum = 0
    for turn in range(size):
        real = (turn % 61) / 30.0 - 1.5
        checksum += escape_time(real, 0.25, 40)
        checksum += int(1e6 * integral(0.0, 1.0 + turn % 7, 20))
        checksum += int(1e6 * root(2.0 + turn % 101))
        checksum %= 1000000007
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
