"""A simulation of objects that hold each other: a scheduler with a heap, accounts, a bounded history, events as closures."""

import collections
import heapq
import itertools


class Event:
    __slots__ = ("action", "name", "when")

    def __init__(self, when, name, action):
        self.when = when
        self.name = name
        self.action = action

    def __lt__(self, other):
        return (self.when, self.name) < (other.when, other.name)


class Machine:
    def __init__(self, world, name, speed):
        self.world, self.name, self.speed = world, name, speed
        self.waiting = collections.deque()
        self.done = []
        self.busy = None

    def offer(self, job):
        self.waiting.append(job)
        if self.busy is None:
            self.start()

    def start(self):
        if not self.waiting:
            self.busy = None
            return
        self.busy = self.waiting.popleft()
        ends = self.world.now + self.busy["size"] / self.speed

        def finish():
            self.done.append(self.busy)
            self.busy["by"] = self
            self.world.counts[self.name] += 1
            self.start()

        self.world.at(ends, f"{self.name} done", finish)


class World:
    def __init__(self):
        self.now = 0.0
        self.queue = []
        self.counts = collections.Counter()
        self.history = collections.deque(maxlen=5)

    def at(self, when, name, action):
        heapq.heappush(self.queue, Event(when, name, action))

    def run(self, until):
        while self.queue and self.queue[0].when <= until:
            event = heapq.heappop(self.queue)
            self.now = event.when
            self.history.append((round(event.when, 3), event.name))
            event.action()
        return len(self.queue)


def simulate():
    world = World()
    machines = [Machine(world, name, speed) for name, speed in (("fast", 2.0), ("slow", 0.5))]
    turns = itertools.cycle(machines)
    for number in range(6):
        job = {"number": number, "size": 1 + number % 3}
        world.at(number * 0.7, f"job {number}", lambda job=job: next(turns).offer(job))
    left = world.run(6.0)
    idle = world.run(60.0)
    return left, idle, dict(world.counts), list(world.history), [
        [job["number"] for job in machine.done] for machine in machines
    ]


print(*simulate(), sep="\n")
