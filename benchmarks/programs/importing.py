"""The import of one module of about 350 lines, which the benchmark lays beside this program."""

# What the module imports itself is there already: it is not what is measured.
import collections  # noqa: F401
import io  # noqa: F401
import os  # noqa: F401
import re  # noqa: F401

import stopwatch


def main(size):
    import sample

    return len(vars(sample)) * size


if __name__ == "__main__":
    stopwatch.run(main)
