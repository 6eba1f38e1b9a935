"""__del__, weakref callbacks and finalizers at the odd times at which they run."""

import gc
import weakref

log = []


class Tracked:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append("del " + self.name)


class Resurrecting:
    saved = []

    def __init__(self):
        self.lives = 2

    def __del__(self):
        self.lives -= 1
        if self.lives:
            Resurrecting.saved.append(self)


def cycle():
    a, b = Tracked("first of cycle"), Tracked("second of cycle")
    a.other = b
    b.other = a


def note(what):
    log.append(what)


def in_containers():
    box = [Tracked("one"), Tracked("two")]
    box.pop()
    log.append("popped")
    box[0] = None
    log.append("replaced")
    table = {"k": Tracked("three")}
    table.clear()
    log.append("cleared")


def finalized():
    owner = Tracked("owner")
    weakref.finalize(owner, note, "finalizer")
    reference = weakref.ref(owner, lambda r: log.append("callback"))
    return reference


in_containers()
print(log)
log.clear()
cycle()
gc.collect()
print(sorted(log))
log.clear()
reference = finalized()
print(reference() is None, log)
phoenix = Resurrecting()
del phoenix
gc.collect()
print(len(Resurrecting.saved), Resurrecting.saved[0].lives)
Resurrecting.saved.clear()
