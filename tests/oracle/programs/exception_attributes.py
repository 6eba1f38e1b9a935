"""Exceptions that carry data, and are kept, changed and compared."""


class Problem(Exception):
    def __init__(self, code, *, detail=None):
        super().__init__(f"problem {code}")
        self.code = code
        self.detail = detail or []

    def add(self, item):
        self.detail.append(item)
        return self


class Worse(Problem):
    level = "worse"

    def __str__(self):
        return f"{self.level} {self.code}"


class Slotted(Exception):
    __slots__ = ("where",)


def collect():
    kept = []
    for code in range(3):
        try:
            raise (Problem if code % 2 else Worse)(code, detail=[code])
        except Worse as worse:
            worse.add("w")
            worse.extra = {"seen": code}
            kept.append(worse)
        except Problem as problem:
            problem.add("p")
            kept.append(problem)
    return kept


def system_errors():
    found = {}
    try:
        open("/nonexistent/file")
    except OSError as error:
        found["os"] = (type(error).__name__, error.errno, error.filename)
    try:
        int("x1")
    except ValueError as error:
        found["value"] = error.args
    try:
        b"\xff".decode("utf-8")
    except UnicodeDecodeError as error:
        found["unicode"] = (error.start, error.end, error.reason)
    try:
        None.missing
    except AttributeError as error:
        found["attribute"] = (error.name, error.obj)
    try:
        import escope_does_not_exist_anywhere
    except ImportError as error:
        found["import"] = error.name
    try:
        compile("x = = 1", "<generated>", "exec")
    except SyntaxError as error:
        found["syntax"] = (error.lineno, error.offset, error.text)
    return found


problems = collect()
for problem in problems:
    print(type(problem).__name__, problem, problem.code, problem.detail, vars(problem))
problems[0].detail.clear()
problems[1].args = ("changed", 2)
print(problems[0].detail, problems[1].args)
for name, value in system_errors().items():
    print(name, value)
slotted = Slotted("text")
slotted.where = [1, 2]
try:
    raise slotted
except Slotted as error:
    print(error.where, error is slotted)
try:
    raise StopIteration(42)
except StopIteration as stop:
    print(stop.value)
