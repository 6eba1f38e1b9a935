from . import loaded
import imports_parts.first as circular

loaded.append("second")
counter = 10


def bump():
    global counter
    counter += len(circular.table)
    return counter
