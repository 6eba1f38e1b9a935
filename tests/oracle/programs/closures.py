"""Closures, nonlocal, global, cells that are deleted, rebound and shared."""

counter = 0
names = []


def bump(by=1):
    global counter
    counter += by
    return counter


def make_account(balance):
    history = []

    def deposit(amount):
        nonlocal balance
        balance += amount
        history.append(("in", amount))
        return balance

    def withdraw(amount):
        nonlocal balance
        if amount > balance:
            history.append(("refused", amount))
            return None
        balance -= amount
        history.append(("out", amount))
        return balance

    return deposit, withdraw, lambda: (balance, list(history))


def late_binding():
    functions = []
    for i in range(3):
        functions.append(lambda: i)
    return [f() for f in functions]


def deleted_cell():
    value = "there"

    def read():
        return value

    first = read()
    del value
    try:
        read()
    except NameError as error:
        second = type(error).__name__
    value = "again"
    return first, second, read()


def three_levels():
    a = 1

    def middle():
        nonlocal a
        b = 10
        a += 1

        def inner():
            nonlocal a, b
            a += 100
            b += 1000
            return a + b

        return inner(), b

    result = middle()
    return a, result


def argument_cells(x, *rest, key="k", **options):
    def show():
        return x, rest, key, options

    x = x * 2
    options["added"] = len(rest)
    return show()


def unbound_cell():
    def early():
        return missing

    try:
        early()
    except NameError as error:
        found = str(error)
    missing = 1
    return found, early()


def define_global():
    global created
    created = ["made", "inside"]
    names.append("created")


def delete_global():
    global created
    del created


def counter_class():
    total = 0

    class Adder:
        def add(self, n):
            nonlocal total
            total += n
            return total

    adder = Adder()
    adder.add(5)
    adder.add(6)
    return total


def recursive():
    def fact(n):
        return 1 if n < 2 else n * fact(n - 1)

    return fact(5)


print(bump(), bump(5), counter)
deposit, withdraw, report = make_account(100)
print(deposit(50), withdraw(500), withdraw(30), report())
print(late_binding())
print(deleted_cell())
print(three_levels())
print(argument_cells(1, 2, 3, key="z", more=True))
print(unbound_cell())
define_global()
print(created)
delete_global()
print("created" in globals(), names)
print(counter_class(), recursive())
globals()["injected"] = {"by": "globals()"}
print(injected)
del injected
