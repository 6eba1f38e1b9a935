"""Tracebacks: lines, columns, chained causes, notes, and frames kept by an exception."""

import sys
import traceback


def divide(a, b):
    return (a + 1) / (b * 0)


def lookup(table):
    return table["outer"]["inner"]["deep"]


def multi_line(values):
    return sum(
        [
            values[0],
            values[1]
            + values["two"],
        ]
    )


def chained():
    try:
        divide(1, 2)
    except ZeroDivisionError as error:
        raise RuntimeError("chained") from error


def noted():
    try:
        lookup({"outer": {}})
    except KeyError as error:
        error.add_note("a note")
        raise


def generator():
    yield 1
    yield [].pop()


def with_frames():
    hidden = [1, 2, 3]
    hidden.append(missing_name)


def show(function, *args):
    try:
        function(*args)
    except Exception as error:
        for line in traceback.format_exception(error):
            print(line.replace(__file__, "FILE"), end="")
        frames = traceback.extract_tb(error.__traceback__)
        print([(f.name, f.lineno, f.colno, f.end_colno) for f in frames])


show(divide, 1, 2)
show(lookup, {"outer": {}})
show(multi_line, [1, 2])
show(chained)
show(noted)
show(lambda: list(generator()))
show(with_frames)
show(lambda: (lambda x: x.attribute.missing)(1))
try:
    with_frames()
except NameError as error:
    kept = error.__traceback__.tb_next.tb_frame.f_locals["hidden"]
    line = error.__traceback__.tb_next.tb_lineno
print(kept, line)
kept.append("afterwards")
try:
    chained()
except RuntimeError:
    kind, value, trace = sys.exc_info()
    print(kind.__name__, value, trace.tb_lineno, trace.tb_next.tb_frame.f_code.co_name)
    del trace
print(sys.exc_info())
raise ValueError("the program ends with this")
