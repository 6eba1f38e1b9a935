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
    pid = os.fork()
    if pid == 0:
        shared["owner"] = "child"
        status = child_work(numbers)
        os.write(1, b"child writes\n")
        os._exit(status)
    ended = os.waitpid(pid, 0)[1]
    pid = None
    return os.waitstatus_to_exitcode(ended)


print(fork_and_wait([1, 2, 3]))
shared["owner"] = "parent"
print(fork_and_wait(range(10)))
read_end, write_end = os.pipe()
sys.stdout.flush()
if os.fork() == 0:
    os.close(read_end)
    answer = [str(n) for n in range(3)]
    os.write(write_end, ",".join(answer).encode())
    sys.exit(5)
os.close(write_end)
message = os.read(read_end, 100)
os.close(read_end)
status = os.wait()[1]
print(message, os.waitstatus_to_exitcode(status), shared)
