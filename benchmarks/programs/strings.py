"""String building: growing strings, slices, joins, formatted lines, a small cipher and its way back."""

import stopwatch

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def word(number):
    """Return a made-up word for a number."""
    letters = ""
    while True:
        number, rest = divmod(number, 26)
        letters += ALPHABET[rest]
        if not number:
            return letters


def shifted(text, by):
    """Return the text with each letter moved on by some places."""
    result = ""
    for letter in text:
        place = ALPHABET.find(letter)
        if place < 0:
            result += letter
        else:
            result += ALPHABET[(place + by) % 26]
    return result


def wrapped(text, width):
    """Return the text as lines of at most `width` characters."""
    lines = []
    line = ""
    for part in text.split(" "):
        if line and len(line) + 1 + len(part) > width:
            lines.append(line)
            line = part
        elif line:
            line = line + " " + part
        else:
            line = part
    lines.append(line)
    return lines


def main(size):
    checksum = 0
    for turn in range(size):
        sentence = " ".join(word(turn * 7919 + place * 104729) for place in range(8))
        secret = shifted(sentence, turn % 26)
        back = shifted(secret, -(turn % 26))
        report = ""
        for number, line in enumerate(wrapped(secret, 24)):
            report += f"{number:>3}: {line.upper():<24}|\n"
        if back != sentence:
            raise ValueError(f"{back!r} is not {sentence!r}")
        for letter in report[:40]:
            checksum = (checksum * 31 + ord(letter)) % 1000000007
        checksum += len(report)
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
