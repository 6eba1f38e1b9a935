"""A small module parsed with a broken line in it; its tree."""

import parso

SOURCE = """\
def f(x, *, y=1):
    return [x for x in (
class A: pass
"""

module = parso.parse(SOURCE, version="3.12")
print(module.get_code() == SOURCE)
print([child.type for child in module.children])
