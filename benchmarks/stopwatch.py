"""What every program ends with: it runs `main(SIZE)`, prints the checksum and reports to the benchmark.

The programs import it by name.  It lies beside their folder and not in it, so that it is in the scope of no
recorder: what it does is neither recorded nor counted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from time import perf_counter, process_time

REPORT = "BENCHMARK_REPORT"
"""The environment variable that names the file for the report."""


def run(main: Callable[[int], object]) -> None:
    """Run `main` with the size on the command line; print what it returns."""
    size = int(sys.argv[1])
    worked, begun = process_time(), perf_counter()
    checksum = main(size)
    seconds, cpu = perf_counter() - begun, process_time() - worked
    print(checksum)
    path = os.environ.get(REPORT)
    if path is not None:
        with open(path, "w", encoding="ascii") as file:
            times = {"seconds": seconds, "cpu": cpu}
            json.dump({"checksum": str(checksum), **times, **memory()}, file)


def memory() -> dict[str, int]:
    """Return in bytes the `peak` of this process's resident memory so far, and the part of the mapped ring."""
    peak = 0
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1]) << 10
    return {"peak": peak, "ring": _ring()}


def _ring() -> int:
    """Return how many bytes of a mapped file named `ring` are resident."""
    resident, inside = 0, False
    with open("/proc/self/smaps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            first = line.split(None, 1)[0]
            if not first.endswith(":"):
                inside = line.rstrip().endswith("/ring")
            elif inside and first == "Rss:":
                resident += int(line.split()[1]) << 10
    return resident
