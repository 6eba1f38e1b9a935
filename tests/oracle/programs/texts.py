"""Building and taking apart texts: growing strings, formats, translations, callbacks of re.sub, bytes and views."""

import re
import string
import textwrap


def growing():
    text, parts = "", []
    for number in range(30):
        text += f"{number:02}|"
        parts.append(text[-4:])
    data = bytearray()
    for chunk in (b"ab", b"", b"cde" * 3):
        data += chunk
    data[1:3] = b"XYZ"
    view = memoryview(data)
    view[0] = 33
    copy = bytes(view[:5])
    view.release()
    return len(text), parts[-1], data, copy


def formats():
    class Money:
        def __init__(self, amount):
            self.amount = amount

        def __format__(self, spec):
            used.append(spec)
            return f"{self.amount:{spec or '.2f'}} EUR"

    used = []
    price = Money(12.5)
    width = 10
    lines = [f"{price}", f"{price:>{width}.1f}", "{0!r:.3}|{1[k]}|{2.amount}".format("abc", {"k": [1]}, price)]
    lines.append("%s %-5s|%05.1f" % ("x", "y", 2.25))
    lines.append(string.Template("$who owes ${what}").safe_substitute(who="Ann"))
    return lines, used


def replaced():
    counts = {}

    def number(match):
        word = match.group(0).lower()
        counts[word] = counts.get(word, 0) + 1
        return f"{word}{counts[word]}"

    text = re.sub(r"\b[A-Z]\w*", number, "Ann met Bob, and Bob met Ann")
    table = str.maketrans({"a": "4", "e": None, "t": "[t]"})
    return text, counts, text.translate(table), re.split(r"[,\s]+", text, maxsplit=2)


def wrapped():
    text = textwrap.dedent(
        """\
        one two three
          indented line that is rather long
        """
    )
    lines = textwrap.wrap(text, 16, subsequent_indent="> ")
    rotated = ["".join(column) for column in zip(*(line.ljust(4)[:4] for line in lines))]
    return lines, rotated, "".join(reversed(lines[0])), text.partition("\n")


for function in (growing, formats, replaced, wrapped):
    print(function.__name__, function())
