"""``python -m tests.oracle [--keep FILE] [--jobs N] [PROGRAM…]``: compare, print the first differences."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.oracle.harness import SHARE, Result, check, programs


def main() -> int:
    """Compare the named programs, or all; return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("programs", nargs="*", help="a path, or a stem of tests/oracle/programs")
    parser.add_argument("--keep", type=Path, help="copy the (last) recording to this file")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    results: list[Result] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        paths = programs(options.programs)
        for result in pool.map(lambda path: check(path, options.keep), paths):
            print(result.report(), flush=True)
            results.append(result)
    values = sum(result.tally.values for result in results)
    labels: Counter[str] = Counter()
    for result in results:
        labels.update(result.tally.labels)
    share = 1 - labels.total() / values if values else 1.0
    agree = sum(result.agrees for result in results)
    print(
        f"{agree} of {len(results)} programs agree; {values} values, {share:.2%} unlabelled; "
        f"labels: {dict(labels)}"
    )
    return 0 if agree == len(results) and share >= SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
