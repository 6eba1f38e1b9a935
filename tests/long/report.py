"""Writes ``docs/verification.md`` from the results file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.long import cpython
from tests.long.kinds import KINDS
from tests.long.results import Result, Results

HEAD = """\
# Verification

What the long checks found. `python -m tests.long` runs them, goes on where it was stopped, and writes this page;
`tests/long/__init__.py` says what each kind compares. Only results for the sources as they are here are counted.

"""

COLUMNS = {
    "cpython": ("tests", "unsteady", "events"),
    "suites": ("tests", "lines", "events"),
    "generated": ("programs", "moments", "values", "labelled", "events"),
    "programs": ("programs", "moments", "values", "labelled", "events"),
}
MEANING = {
    "cpython": "Every test ends recorded as it does unrecorded. `unsteady` tests end in two ways unrecorded "
    "and are not compared.",
    "suites": "The same tests pass, and the recorded lines of the package (`lines`) are those that the tracer "
    "of coverage.py saw in a run of its own.",
    "generated": "Programs made by hypothesis against the oracle: line moments, stacks and values.",
    "programs": "The oracle's own programs, all frames at every line.",
}


def write(document: Path, results: Results, sources: str) -> None:
    """Write the page on the newest result of each job for `sources`."""
    newest = {result.job: result for result in results.all if result.sources == sources}
    chosen = sorted(newest.values(), key=lambda one: (one.job.interpreter, one.job.core))
    parts = [HEAD]
    if not chosen:
        parts.append("There are none yet.\n")
    else:
        commits = ", ".join(f"`{name}`" for name in dict.fromkeys(one.commit for one in chosen))
        dates = sorted({one.date for one in chosen})
        span = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        parts.append(f"Commit {commits} (sources `{sources}`), {span}.\n")
    for name, kind in KINDS.items():
        of_kind = [one for one in chosen if one.job.kind == name]
        if of_kind:
            parts.append(f"\n## {kind.title}\n\n{MEANING[name]}\n\n{_table(name, of_kind)}")
    parts += [_exceptions(chosen), _problems(chosen), _notes(chosen)]
    document.write_text("".join(parts))


def _table(kind: str, results: list[Result]) -> str:
    columns = COLUMNS[kind]
    rows = [["interpreter", "core", "seed", "units", *columns, "excepted", "differing", "time"]]
    groups: dict[tuple[str, str, int], list[Result]] = {}
    for one in results:
        groups.setdefault((one.job.interpreter, one.job.core, one.job.seed), []).append(one)
    for (interpreter, core, seed), members in groups.items():
        counts: Counter[str] = Counter()
        for one in members:
            counts.update(one.outcome["counts"])
        excepted = sum(len(one.outcome["excepted"]) for one in members)
        differing = sum(len(one.outcome["problems"]) for one in members)
        numbers = [f"{number:,}" for number in (len(members), *(counts[name] for name in columns))]
        minutes = sum(one.seconds for one in members) / 60
        time = f"{minutes:.0f} min"
        rows.append([interpreter, core, str(seed), *numbers, str(excepted), str(differing), time])
    rows.insert(1, ["---"] * len(rows[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _exceptions(results: list[Result]) -> str:
    met = Counter(
        (one.job.interpreter, one.job.core, text.partition(": ")[0])
        for one in results
        for text in one.outcome["excepted"]
    )
    if not met:
        return ""
    reasons = {str(entry["test"]): str(entry["reason"]) for entry in cpython.exceptions()}
    lines = [
        "\n## Excepted tests\n\n| interpreter | core | test | reason |\n| --- | --- | --- | --- |\n"
    ]
    for interpreter, core, test in sorted(met):
        lines.append(f"| {interpreter} | {core} | `{test}` | {reasons.get(test, '')} |\n")
    return "".join(lines)


def _problems(results: list[Result]) -> str:
    lines = [
        f"- {one.job.unit}, {one.job.interpreter}, core {one.job.core}: "
        f"`{problem.splitlines()[0][:300].replace('`', chr(39))}`\n"
        for one in results
        for problem in one.outcome["problems"]
    ]
    return "".join(["\n## What differs\n\n", *lines]) if lines else ""


def _notes(results: list[Result]) -> str:
    lines = [
        f"- {one.job.unit}, {one.job.interpreter}, core {one.job.core}: "
        f"{note.splitlines()[0][:300]}\n"
        for one in results
        for note in one.outcome["notes"]
    ]
    return "".join(["\n## Notes\n\n", *lines]) if lines else ""
