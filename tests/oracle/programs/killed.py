"""A program that a signal ends, without a handler."""

import os
import signal

steps = []
for step in range(4):
    steps.append(step)
    print(step, flush=True)
    if step == 2:
        os.kill(os.getpid(), signal.SIGTERM)
