"""sys.exit with a text: it goes to stderr, and the status is 1."""

import sys


def main():
    print("before")
    sys.exit("a reason")


if __name__ == "__main__":
    main()
