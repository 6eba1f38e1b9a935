"""Counts on, faster than anyone can follow."""

import time

i = 0
while True:
    i += 1
    if i % 5 == 0:
        time.sleep(0.002)
