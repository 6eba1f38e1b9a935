"""Output in all its forms: print, write, the buffer beneath, file descriptors, logging, warnings."""

import contextlib
import io
import logging
import os
import sys
import warnings

print("text", 1, None, sep="-", end="!\n")
print("to stderr", file=sys.stderr)
sys.stdout.write("written without newline ")
sys.stdout.write("and more\n")
sys.stdout.writelines(["one\n", "two\n"])
sys.stdout.flush()
sys.stdout.buffer.write("bytes \u00e9\n".encode())
sys.stdout.buffer.flush()
os.write(1, b"descriptor\n")
print("unicode \u00e4\u20ac\U0001f600")
print("control \x1b[31mred\x1b[0m \x00 nul")
captured = io.StringIO()
with contextlib.redirect_stdout(captured):
    print("captured")
print(repr(captured.getvalue()))
captured = None
logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
logging.info("logged %d", 5)
warnings.warn("a warning", stacklevel=1)
print(sys.stdout.isatty(), sys.stdin.isatty(), sys.stdin.read() == "", sys.stdout.fileno())
print(type(sys.stdout).__name__, sys.stdout is sys.__stdout__, sys.stdout.name)
for number in range(3):
    print(number, end=" ", flush=True)
print()
sys.stderr.write("partial")
sys.stderr.flush()
print("last line without newline", end="")
