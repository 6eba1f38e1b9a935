"""What globals hold ends with the interpreter, though its class refers to them: after the recording."""

import os


class Closing:
    __slots__ = ("inside",)

    def __init__(self, inside):
        self.inside = inside

    def __del__(self, write=os.write):
        write(1, b"closed with %d\n" % len(self.inside))


class Error(Exception):
    def __del__(self, write=os.write):
        write(1, b"error ended\n")


def fail():
    try:
        raise Error(Closing([1, 2, 3]))
    except Error as error:
        return error


class Meta(type):
    def __del__(cls, write=os.write):
        write(1, b"class ended\n")


class Made(metaclass=Meta):
    pass


closing = Closing([1, 2])
held = [fail(), {"closing": Closing((1,))}, Made()]
print("end", flush=True)
