"""Smooths a series of measurements with a moving average and looks for the largest value.

Symptom: the series ends with a peak of 90, but the smoothed one does not rise at its end, and the alarm that
should go off at an average of 50 stays silent.

    escope record examples/moving_average.py && escope open moving_average.esr
"""

MEASURED = [10, 12, 11, 13, 12, 14, 13, 12, 60, 90]
WINDOW = 3
ALARM = 50


def average(values):
    total = 0
    for value in values:
        total += value
    return total / len(values)


def smooth(series, window):
    result = []
    start = 0
    while start < len(series) - window:
        part = series[start : start + window]
        result.append(round(average(part), 1))
        start += 1
    return result


def highest(series):
    best = series[0]
    for value in series:
        if value > best:
            best = value
    return best


def main():
    smoothed = smooth(MEASURED, WINDOW)
    print("measured", MEASURED)
    print("smoothed", smoothed)
    peak = highest(smoothed)
    if peak < ALARM:
        raise SystemExit(f"no alarm: the highest average is {peak}")
    print("alarm:", peak)


main()
