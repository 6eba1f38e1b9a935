"""Signal handlers in Python that change the program's state."""

import signal

received = []
state = {"level": 0}


class Interrupted(Exception):
    pass


def note(number, frame):
    received.append(signal.Signals(number).name)
    state["level"] += 1


def interrupt(number, frame):
    raise Interrupted(number)


def raising():
    signal.signal(signal.SIGUSR2, interrupt)
    before = len(received)
    try:
        signal.raise_signal(signal.SIGUSR2)
        before = "never"
    except Interrupted as error:
        before += error.args[0] == signal.SIGUSR2
    return before


previous = signal.signal(signal.SIGUSR1, note)
signal.raise_signal(signal.SIGUSR1)
print(received, state)
for turn in range(3):
    signal.raise_signal(signal.SIGUSR1)
    state["turn"] = turn
print(received, state)
print(raising())
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.raise_signal(signal.SIGUSR1)
print(len(received), previous == signal.SIG_DFL)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
