"""A recursion that ends at the limit, and goes on afterwards.

oracle: the trace function ends early
"""

import sys


def forever(n):
    return 1 + forever(n + 1)


def attempt():
    try:
        forever(0)
    except RecursionError as error:
        return type(error).__name__, str(error)[:32]


class Node:
    def __init__(self, child):
        self.child = child

    def sink(self, extra=None):
        self.last = [extra]
        return self.sink({"inner": extra})

    def depth(self):
        return 1 + (self.child.depth() if self.child else 0)


old = sys.getrecursionlimit()
sys.setrecursionlimit(90)
outcome = attempt()
try:
    Node(None).sink()
except RecursionError as error:
    outcome += (error.__traceback__.tb_next.tb_frame.f_code.co_name,)
sys.setrecursionlimit(old)
print(outcome)
node = None
for _ in range(20):
    node = Node(node)
print(node.depth())
