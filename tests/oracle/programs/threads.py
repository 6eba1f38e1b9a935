"""Threads that share state and hand over to each other in a fixed order."""

import threading


class Baton:
    """Lets exactly one of several threads run at a time, in turn."""

    def __init__(self, names):
        self.order = list(names)
        self.gates = {name: threading.Semaphore(0) for name in names}

    def pass_on(self, name):
        following = self.order[(self.order.index(name) + 1) % len(self.order)]
        self.gates[following].release(); self.gates[name].acquire()

    def finish(self, name):
        following = self.order[(self.order.index(name) + 1) % len(self.order)]
        self.gates[following].release()


class Counter:
    def __init__(self):
        self.value = 0
        self.log = []

    def read(self):
        return self.value

    def write(self, value, who):
        self.value = value
        self.log.append((who, value))


def worker(name, baton, counter, rounds):
    baton.gates[name].acquire()
    for turn in range(rounds):
        seen = counter.read()
        baton.pass_on(name)
        counter.write(seen + 1, name)
        baton.pass_on(name)
    baton.finish(name)


def lost_update():
    baton = Baton(["left", "right"])
    counter = Counter()
    threads = [
        threading.Thread(target=worker, name=name, args=(name, baton, counter, 2))
        for name in baton.order
    ]
    for thread in threads:
        thread.start()
    baton.gates["left"].release(); [thread.join() for thread in threads]
    return counter.value, counter.log


local = threading.local()


def own_data(value, results):
    local.value = [value]
    for extra in range(2):
        local.value.append(extra)
    results.append(local.value)


def one_after_another():
    results = []
    for number in range(3):
        thread = threading.Thread(target=own_data, args=(number, results), name=f"own-{number}")
        thread.start(); thread.join()
    return results


class Job(threading.Thread):
    def __init__(self, items):
        super().__init__(name="job")
        self.items = items
        self.total = 0

    def run(self):
        for item in self.items:
            self.total += item


def subclass():
    job = Job([1, 2, 3])
    job.start(); job.join()
    return job.total


print(lost_update())
print(one_after_another())
print(subclass())
