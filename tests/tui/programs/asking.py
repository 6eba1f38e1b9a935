"""Reads names and greets them."""

import sys
import time


def greet(name, times):
    for turn in range(times):
        line = f"hello {name} {turn}"
        print(line)
    return times


def main():
    total = 0
    while True:
        name = input("name? ")
        if not name:
            break
        total += greet(name, 3)
        time.sleep(0.01)
    print("bye", total)
    sys.exit(total % 7)


main()
