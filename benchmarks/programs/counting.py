"""Counting in dictionaries: words, pairs of words, an index of where they stand, and a merge of the counts."""

import stopwatch

WORDS = 211


def stream(seed, length):
    """Return a list of words, some much more frequent than others."""
    words = []
    for _ in range(length):
        seed = (seed * 1664525 + 1013904223) % 4294967296
        rank = (seed >> 16) % WORDS
        words.append(f"w{rank * rank // WORDS}")
    return words


def count(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def count_pairs(words):
    """Return for each word how often each other one follows it."""
    following = {}
    before = words[0]
    for word in words[1:]:
        if before in following:
            inner = following[before]
        else:
            inner = following[before] = {}
        if word in inner:
            inner[word] += 1
        else:
            inner[word] = 1
        before = word
    return following


def places(words):
    """Return for each word where it stands."""
    index = {}
    for place, word in enumerate(words):
        index.setdefault(word, []).append(place)
    return index


def merge(total, counts):
    for word, number in counts.items():
        if word in total:
            total[word] += number
        else:
            total[word] = number


def main(size):
    total = {}
    checksum = 0
    for turn in range(size):
        words = stream(turn, 60)
        merge(total, count(words))
        for word, inner in count_pairs(words).items():
            checksum += len(word) * sum(inner.values())
        for where in places(words).values():
            checksum += where[-1]
        if turn % 50 == 49:
            for word in list(total):
                if total[word] < 5:
                    del total[word]
    for word in sorted(total):
        checksum = (checksum * 31 + total[word]) % 1000000007
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
