"""locals(), vars(), globals(), dir(), sys._getframe and inspect seen from inside the program."""

import inspect
import sys


def show_locals(a, b=2):
    c = [a, b]
    names = sorted(locals())
    snapshot = dict(locals())
    a = "changed"
    return names, snapshot["a"], a, c


def nested_locals():
    outer = 1

    def inner(x):
        y = outer + x
        return sorted(locals().items())

    return inner(5)


def class_locals():
    class Body:
        one = 1
        names = sorted(k for k in locals() if not k.startswith("_"))
        locals()["two"] = 2

    return Body.names, Body.two


def comprehension_locals():
    marker = 5
    found = [sorted(k for k in locals() if k in ("marker", "n")) for n in range(1)]
    return len(found), marker


def frame_names():
    frame = sys._getframe()
    caller = sys._getframe(1)
    result = (
        frame.f_code.co_name,
        caller.f_code.co_name,
        sorted(frame.f_code.co_varnames),
        frame.f_lineno - frame.f_code.co_firstlineno,
    )
    del frame, caller
    return result


def calls_frame_names():
    return frame_names()


def looking_up(name):
    return sys._getframe(1).f_locals[name]


def looked_at():
    secret = {"value": [1, 2]}
    found = looking_up("secret")
    found["value"].append(3)
    del found
    return secret


def inspecting(a, *rest, key: int = 3, **options) -> str:
    """Has a signature."""
    stack = inspect.stack()[:2]
    top = stack[0].function, stack[0].code_context[0].strip(), stack[1].function
    del stack
    return top


class Example:
    attribute = 1

    def method(self):
        return inspect.currentframe().f_code.co_qualname


def code_attributes(function):
    code = function.__code__
    return (
        code.co_name,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_varnames,
        code.co_names,
        code.co_freevars,
        code.co_flags & 0xFF,
    )


print(show_locals(1))
print(nested_locals())
print(class_locals())
print(comprehension_locals())
print(calls_frame_names())
print(looked_at())
print(inspecting(1))
print(inspect.signature(inspecting), inspect.getdoc(inspecting))
print(inspect.getsource(Example.method))
print(Example().method(), inspect.getsourcelines(code_attributes)[1])
print(code_attributes(show_locals))
print(code_attributes(inspecting))
print([name for name in dir(Example()) if not name.startswith("_")], vars(Example())== {})
print(inspect.getgeneratorstate(x for x in []), inspect.isfunction(show_locals))
print(sorted(name for name in globals() if name.startswith("show")))
