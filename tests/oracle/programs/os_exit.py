"""os._exit: no finally, no atexit, no flush of what is buffered elsewhere."""

import atexit
import os
import sys

atexit.register(print, "never")
state = {"step": 0}


def work(n):
    try:
        state["step"] = n
        if n == 3:
            sys.stdout.write("leaving\n")
            sys.stdout.flush()
            os._exit(7)
    finally:
        state["step"] = -n


for number in range(5):
    work(number)
