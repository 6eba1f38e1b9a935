"""An exception that nobody catches: traceback on stderr, status 1."""


class Failure(Exception):
    def __init__(self, data):
        super().__init__("failed with", data)
        self.data = data


def inner(values):
    total = 0
    for value in values:
        if value < 0:
            raise Failure({"value": value, "total": total})
        total += value
    return total


def outer():
    data = [3, 4, -1, 5]
    try:
        return inner(data)
    finally:
        data.clear()
        print("cleaned")


outer()
