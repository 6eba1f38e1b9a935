"""Runs one test module of the interpreter's own test package and writes how each test ended.

    python unittest_module.py RESULTS SEED MODULE

One line ``begin ID`` before a test, one ``OUTCOME ID`` after it: `ok`, `skipped`, `failed`, `error`, `expected`
(a failure that is expected) or `unexpected` (a success that is not); `failed` and `error` of single
subtests count for their test.  Written at once, so that a crash shows where it happened.

It first forgets every module of the standard library that is loaded from a source file, so that those under test
are loaded anew whether they are recorded or not: a recorder has loaded some of them before the program began.
"""

import os
import sys

_KEPT = ("encodings", "importlib", "escope", "bytecode", "__main__")


def forget() -> None:
    """Take the modules that came from a source file out of `sys.modules`, but for the codecs."""
    forgotten = set()
    for name, module in sys.modules.items():
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        if type(loader).__name__ == "SourceFileLoader" and name.partition(".")[0] not in _KEPT:
            forgotten.add(name)
    for name in list(sys.modules):
        # A package that is loaded anew looks for its parts anew, wherever they come from.
        if name in forgotten or name.partition(".")[0] in forgotten:
            del sys.modules[name]


def run(results: str, seed: int, name: str) -> None:
    """Run the tests of the module `name`; see the head of this file."""
    import random
    import unittest

    from test import support

    # As the interpreter's own runner: no network, nothing that takes long or much memory.
    support.use_resources = []
    support.verbose = 0
    # A high number, so that the tests' own files get the numbers that they always get.
    import fcntl

    low = os.open(results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    file = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 240)
    os.close(low)

    def write(word: str, test: object) -> None:
        os.write(
            file, f"{word} {' '.join(str(test).split())}\n".encode("utf-8", "backslashreplace")
        )

    class Result(unittest.TestResult):
        """Writes; `worst` is what the running test has come to."""

        worst = "ok"

        def startTest(self, test):
            super().startTest(test)
            self.worst = "ok"
            write("begin", test.id())

        def stopTest(self, test):
            super().stopTest(test)
            write(self.worst, test.id())

        def addError(self, test, err):
            super().addError(test, err)
            self.worst = "error"
            if not isinstance(test, unittest.TestCase):
                write("error", test.id())  # setUpClass and the like: no test was started
            explain(test, self.errors)

        def addFailure(self, test, err):
            super().addFailure(test, err)
            self.worst = "failed"
            explain(test, self.failures)

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                failed = issubclass(err[0], test.failureException)
                self.worst = "failed" if failed else "error"
                explain(subtest, self.failures if failed else self.errors)

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            self.worst = "skipped"
            if not isinstance(test, unittest.TestCase):
                write("skipped", test.id())

        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            self.worst = "expected"

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            self.worst = "unexpected"

    def explain(test, texts):
        sys.__stderr__.write(f"--- {test}\n{texts[-1][1]}\n")
        sys.__stderr__.flush()

    random.seed(seed)
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    result = Result()
    try:
        suite.run(result)
    except unittest.SkipTest:
        write("skipped", name)
    write("end", name)


if __name__ == "__main__":
    _results, _seed, _module = sys.argv[1:]
    del sys.argv[1:]
    forget()
    run(_results, int(_seed), _module)
