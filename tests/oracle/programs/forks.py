"""fork: the child goes on unrecorded, the parent is not disturbed."""

import os
import sys

shared = {"owner": "both"}


def child_work(numbers):
    total = 0
    for number in numbers:
        total += number
    return total % 250


def fork_and_wait(numbers):
    sys.stdout.flush()
    if os.fork() == 0:
        shared["owner"] = "child"
        status = child_work(numbers)
        os.write(1, b"child writes\n")
        os._exit(status)
    return os.waitstatus_to_exitcode(os.wait()[1])


print(fork_and_wait([1, 2, 3]))
shared["owner"] = "parent"
print(fork_and_wait(range(10)))
reader, writer = (open(end, mode) for end, mode in zip(os.pipe(), "rw"))
sys.stdout.flush()
if os.fork() == 0:
    reader.close()
    answer = [str(n) for n in range(3)]
    writer.write(",".join(answer))
    writer.close()
    sys.exit(5)
writer.close()
message = reader.read()
reader.close()
reader = writer = None
status = os.wait()[1]
print(message, os.waitstatus_to_exitcode(status), shared)
