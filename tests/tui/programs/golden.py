"""Finds the first reading that is out of range; the same on every version of Python."""


def scale(value, factor):
    result = value * factor
    return result


def check(reading, low, high):
    if reading < low:
        raise ValueError("reading too low")
    return reading <= high


def scan(readings, factor):
    seen = {}
    good = []
    for name in readings:
        reading = scale(readings[name], factor)
        seen[name] = reading
        if check(reading, 0, 50):
            good.append(name)
        print(name, reading)
    return good


def main():
    readings = {"door": 4, "roof": 9, "cellar": 2, "[bold]attic[/]": -1}
    good = []
    try:
        good = scan(readings, 5)
    except ValueError as error:
        print("stopped:", error)
    print(len(good), "good")


main()
