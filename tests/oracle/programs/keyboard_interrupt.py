"""A KeyboardInterrupt that leaves the program: the wait status tells SIGINT."""

import signal

count = 0


def loop():
    global count
    while True:
        count += 1
        if count == 4:
            signal.raise_signal(signal.SIGINT)


try:
    loop()
finally:
    print("count", count)
