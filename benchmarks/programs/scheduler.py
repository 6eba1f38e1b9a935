"""An object-oriented simulation in the manner of Richards: a small operating system with jobs and devices.

Producers make messages, a router hands them to two devices, the devices answer after some ticks, and a
logger counts.  The kernel runs whichever job is ready and has the highest priority.
"""

import stopwatch


class Message:
    """What jobs send to each other; a link of the receiver's inbox at the same time."""

    def __init__(self, sender, kind, payload):
        self.sender = sender
        self.kind = kind
        self.payload = payload
        self.following = None


class Inbox:
    """A queue of messages, linked through the messages themselves."""

    def __init__(self):
        self.first = None
        self.last = None
        self.length = 0

    def put(self, message):
        message.following = None
        if self.last is None:
            self.first = message
        else:
            self.last.following = message
        self.last = message
        self.length += 1

    def take(self):
        message = self.first
        self.first = message.following
        if self.first is None:
            self.last = None
        message.following = None
        self.length -= 1
        return message


class Job:
    """Something that the kernel runs; `step` does a small piece of its work."""

    def __init__(self, kernel, name, priority):
        self.kernel = kernel
        self.name = name
        self.priority = priority
        self.inbox = Inbox()
        self.sleeping_until = 0
        self.steps = 0

    def ready(self, now):
        return self.sleeping_until <= now and self.inbox.length > 0

    def send(self, name, kind, payload):
        self.kernel.deliver(name, Message(self.name, kind, payload))

    def step(self, now):
        raise NotImplementedError


class Producer(Job):
    """Makes messages as long as it has work left; needs no mail to be ready."""

    def __init__(self, kernel, name, priority, work):
        super().__init__(kernel, name, priority)
        self.left = work
        self.seed = priority * 17 + 3

    def ready(self, now):
        return self.left > 0 and self.sleeping_until <= now

    def step(self, now):
        self.seed = (self.seed * 1103 + 12345) % 65536
        kind = "disk" if self.seed & 8 else "net"
        self.send("router", kind, self.seed % 251)
        self.left -= 1
        if self.left % 4 == 0:
            self.sleeping_until = now + 3


class Router(Job):
    """Hands each message to the device of its kind."""

    def step(self, now):
        message = self.inbox.take()
        self.send(message.kind, message.sender, message.payload)


class Device(Job):
    """Answers after some ticks, which depend on what is asked."""

    def __init__(self, kernel, name, priority, delay):
        super().__init__(kernel, name, priority)
        self.delay = delay

    def step(self, now):
        message = self.inbox.take()
        answer = message.payload
        for _ in range(3):
            answer = (answer * 7 + self.delay) % 1009
        self.sleeping_until = now + self.delay
        self.send("log", self.name, answer)


class Logger(Job):
    """Adds up what the devices answered."""

    def __init__(self, kernel, name, priority):
        super().__init__(kernel, name, priority)
        self.total = 0
        self.answers = 0

    def step(self, now):
        message = self.inbox.take()
        self.total = (self.total * 3 + message.payload) % 1000003
        self.answers += 1


class Kernel:
    """Owns the jobs and the clock."""

    def __init__(self):
        self.jobs = []
        self.by_name = {}
        self.now = 0

    def add(self, job):
        self.jobs.append(job)
        self.jobs.sort(key=priority_of)
        self.by_name[job.name] = job

    def deliver(self, name, message):
        self.by_name[name].inbox.put(message)

    def chosen(self):
        for job in self.jobs:
            if job.ready(self.now):
                return job
        return None

    def run(self, wanted, logger):
        while logger.answers < wanted:
            job = self.chosen()
            if job is not None:
                job.steps += 1
                job.step(self.now)
            self.now += 1


def priority_of(job):
    return job.priority


def main(size):
    checksum = 0
    for turn in range(size):
        kernel = Kernel()
        logger = Logger(kernel, "log", 1)
        kernel.add(Producer(kernel, "first", 6, 12 + turn % 3))
        kernel.add(Producer(kernel, "second", 5, 12))
        kernel.add(Router(kernel, "router", 4))
        kernel.add(Device(kernel, "disk", 3, 5))
        kernel.add(Device(kernel, "net", 2, 2))
        kernel.add(logger)
        kernel.run(24 + turn % 3, logger)
        checksum = (checksum + logger.total + kernel.now) % 1000003
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
