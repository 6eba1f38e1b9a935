"""Strings around the lengths at which they are kept in other ways: equal ones made anew, growing ones, many."""


def lengths():
    for length in [*range(30), *range(58, 72), 127, 128, 500]:
        plain = "abcdefghij" * (length // 10 + 1)
        plain = plain[:length]
        again = "".join(list(plain))
        accented = again[:-1] + "é" if again else "é"
        wide = again[:-1] + "\N{SNOWMAN}" if again else "\N{SNOWMAN}"
        nul = again[:-1] + "\0"
        assert (plain == again, len(nul)) == (True, max(length, 1))
        yield accented, wide


def growing():
    text = ""
    for (
        letter
    ) in "the quick brown fox jumps over the lazy dog and is gone before anybody has noticed it":
        text += letter
        letter = letter.upper()
    return text


def many():
    last = ""
    for number in range(1500):
        last = f"name {number * 7919 % 1501:x}"
    for number in range(40):
        last = f"name {number * 7919 % 1501:x}"
    return last


def near():
    """Strings that differ in one place alone."""
    same = "x" * 20
    for place in range(20):
        one = same[:place] + "y" + same[place + 1 :]
        other = same[:place] + "z" + same[place + 1 :]
        same = one.replace("y", "x")
        assert one != other
    return same


class Labelled:
    def __init__(self, label):
        self.label = label
        self.longer = label * 9

    def joined(self, *others):
        return self.label.join(others)


print([len(each) for each, _ in lengths()])
print(growing(), many(), near())
print(Labelled("-").joined("a", "b", *(str(number) for number in range(12))))
