"""sys.exit out of nested calls, with handlers and atexit functions on the way."""

import atexit
import sys

log = ["start"]


@atexit.register
def at_end():
    log.append("atexit")
    print(log)


def second_to_end(note):
    log.append(note)


atexit.register(second_to_end, "registered with argument")


def deep(n):
    try:
        if n == 0:
            sys.exit(3)
        deep(n - 1)
    except Exception:
        log.append("never: SystemExit is no Exception")
    finally:
        log.append(n)


try:
    deep(2)
except SystemExit as stop:
    log.append(stop.code)
    print("stopped once", file=sys.stderr)
deep(1)
log.append("never")
