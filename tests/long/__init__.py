"""The long checks: capture against large bodies of code that was not written for it.

``python -m tests.long`` runs them one unit at a time, keeps what it found in a file outside of the
repository, goes on where it was stopped, and writes ``docs/verification.md``.  Four kinds:

    cpython     modules of the interpreter's own test package (`cpython.toml`), instrumented with the modules of
                the standard library that they test: every test ends as it does unrecorded
    suites      test suites of packages from their source distributions (`suites.toml`): the same tests pass, and
                the recorded lines are those that coverage.py reports
    generated   programs made by hypothesis (`tests/property`), against the oracle
    programs    the oracle's own programs, with all frames compared at every line

`exceptions.toml` names the single tests that may differ, with the reason.
"""
