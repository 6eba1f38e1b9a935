"""The results as Markdown, and their place in a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import Part, Results, Samples, geometric_mean

BEGIN = "<!-- benchmark: begin; written by benchmarks/capture.py --write -->"
END = "<!-- benchmark: end -->"

SCALAR_NS = 12.0
MEAN, WORST, WHOLE, IO_BOUND = 4.0, 8.0, 1.3, 1.1
STARTUP = 0.3
MEMORY = 50 << 20
BYTES = 2.0
COLD, CACHED = 0.1, 0.01


def around(page: Path) -> tuple[str, str]:
    """Return what stands before and behind the place of the tables; ValueError where there is none."""
    text = page.read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end or text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{str(page)!r} has no place for the table: it needs {BEGIN!r} … {END!r}")
    return head, tail


def write(page: Path, text: str) -> None:
    """Put `text` between the markers of `page`; ValueError where they are not there once and in order."""
    head, tail = around(page)
    page.write_text(f"{head}{BEGIN}\n\n{text.strip()}\n\n{END}{tail}", "utf-8")


def report(results: Results, facts: Sequence[tuple[str, str]], caveats: Sequence[str] = ()) -> str:
    """Return everything that was measured, after what has to be known about it."""
    parts = [_table(("", ""), facts), *caveats]
    escope = "escope" in results.shares
    if escope:
        parts += ["### Targets", targets(results), "### escope", programs(results)]
    parts += ["### All contenders", contenders(results)]
    parts += ["The whole command, from its start to the sealed file:", matrix(results, "whole")]
    parts += ["Within the program's own main:", matrix(results, "main")]
    if results.scalars:
        parts += ["### Scalar events", scalars(results)]
    if results.problems:
        parts += ["### Not as it has to be", "\n".join(f"- {text}" for text in results.problems)]
    return "\n\n".join(parts) + "\n"


def targets(results: Results) -> str:
    """Return what is to be reached beside what was."""
    main = results.slowdowns("escope", "main")
    whole = results.slowdowns("escope", "whole")
    means = geometric_mean(main.values()), geometric_mean(whole.values())
    rows: list[tuple[str, str, str, float | None, float]] = []

    def row(what: str, value: float | None, bound: float, form: str, scale: float = 1.0) -> None:
        shown = "not measured" if value is None else form.format(value * scale)
        rows.append((what, shown, "≤ " + form.format(bound * scale), value, bound))

    for scalar in results.scalars:
        if scalar.fits:
            row(f"{scalar.about}, per event", scalar.ns, SCALAR_NS, "{:.1f} ns")
    row("slowdown within main, geometric mean", means[0], MEAN, "{:.2f}×")
    worst = max(main, key=lambda name: main[name], default="")
    row(f"slowdown within main, worst: {worst}", main.get(worst), WORST, "{:.2f}×")
    ratio = means[1] / means[0] if means[0] and means[1] else None
    row("whole command against within main", ratio, WHOLE, "{:.2f}×")
    for name in results.programs:
        if name not in results.cpu_bound:
            value = results.slowdown("escope", name, "main")
            row(f"slowdown within main, I/O-bound: {name}", value, IO_BOUND, "{:.2f}×")
    if results.startup:
        row("start-up added, empty program", results.startup_added("escope"), STARTUP, "{:.2f} s")
    added = [results.memory_added(name) for name in results.programs]
    most = max((value for value in added if value is not None), default=None)
    row("memory added to the program at most", most, MEMORY, "{:.0f} MiB", 1 / (1 << 20))
    sizes = [one.bytes / one.events for one in results.recordings.values() if one.events]
    row("bytes per event, geometric mean", geometric_mean(sizes), BYTES, "{:.2f}")
    dropped = sum(one.dropped for one in results.recordings.values())
    row("events dropped", float(dropped) if results.recordings else None, 0, "{:.0f}")
    lines = f"a module of {results.sample_lines} lines"
    if results.startup:
        cold, cached = results.instrument_cold, results.instrument_cached
        row(f"instrumenting {lines}", cold, COLD, "{:.1f} ms", 1e3)
        row(f"the same from the cache{'' if cached is not None else ' (there is none)'}",
            cached, CACHED, "{:.1f} ms", 1e3)  # fmt: skip
    met = {True: "yes", False: "**no**", None: "–"}
    return _table(
        ("what", "measured", "target", "met"),
        [
            (what, shown, target, met[None if value is None else value <= bound])
            for what, shown, target, value, bound in rows
        ],
    )


def programs(results: Results) -> str:
    """Return escope's figures for each program."""
    rows: list[tuple[str, ...]] = []
    for name in results.programs:
        plain = results.samples.get(("plain", name, results.sizes["escope", name]), Samples())
        recording = results.recordings.get(name)
        added = results.memory_added(name)
        counts = results.counts.get(name)
        if recording is None:
            samples = results.of("escope", name) or Samples()
            rows.append((name, results.about[name], samples.failure or "not run"))
            continue
        equal = counts and all(count.counted == count.recorded for count in counts)
        rows.append(
            (
                name,
                results.about[name],
                _seconds(plain.seconds("main")),
                _times(results.slowdown("escope", name, "main")),
                _times(results.slowdown("escope", name, "cpu")),
                _times(results.slowdown("escope", name, "whole")),
                f"{recording.events:,}",
                _number(results.ns_per_event(name), "{:.1f}"),
                f"{recording.bytes / max(1, recording.events):.2f}",
                _number(None if added is None else added / (1 << 20), "{:.1f} MiB"),
                f"{recording.ring / (1 << 20):.0f} MiB",
                f"{recording.dropped:,}",
                "–" if counts is None else "equal" if equal else "**differ**",
            )
        )
    return _table(
        (
            "program",
            "what it is",
            "plain main",
            "main",
            "main, CPU",
            "whole",
            "events",
            "ns/event",
            "bytes/event",
            "memory added",
            "ring",
            "dropped",
            "counts",
        ),
        rows,
    )


def contenders(results: Results) -> str:
    """Return the means of everybody."""
    rows: list[tuple[str, ...]] = []
    for name, version in results.versions.items():
        if name == "plain":
            continue
        title = f"{name} {version}" if version else name
        if version is None:
            rows.append((name, results.about[name], "not installed"))
            continue
        main, whole = (results.slowdowns(name, part) for part in ("main", "whole"))
        worst = max(main, key=lambda program: main[program], default=None)
        share = results.shares[name]
        lines = name in results.record_lines
        memory = (results.memory_added(program, name) for program in results.programs)
        added = [value / (1 << 20) for value in memory if value is not None]
        rows.append(
            (
                title,
                results.about[name],
                "full" if share == 1 else f"1/{share}",
                _times(geometric_mean(main.values())),
                _times(geometric_mean(whole.values())),
                "–" if worst is None else f"{worst} {_times(main[worst])}",
                f"{len(main)} of {len(results.cpu_bound)}",
                _seconds(results.startup_added(name)),
                _number(max(added, default=None), "{:.0f} MiB"),
                _number(results.bytes_per_line(name) if lines else None, "{:.1f}"),
                _kept(results, name),
                _remarks(results, name),
            )
        )
    return _table(
        (
            "contender",
            "records",
            "size",
            "main, mean",
            "whole, mean",
            "worst, main",
            "ended",
            "start-up",
            "memory, most",
            "bytes/line",
            "lines in the file",
            "remarks",
        ),
        rows,
    )


def matrix(results: Results, part: Part) -> str:
    """Return the slowdowns of everybody in every program."""
    names = [name for name in results.shares if name != "plain"]
    rows = []
    for program in results.programs:
        row = [program]
        for name in names:
            value = results.slowdown(name, program, part)
            samples = results.of(name, program)
            failure = samples.failure if samples is not None else None
            row.append(_times(value) if failure is None else failure.partition(":")[0])
        rows.append(row)
    return _table(("program", *names), rows)


def scalars(results: Results) -> str:
    """Return the cost of scalar events."""
    rows = [
        (
            scalar.about,
            f"{scalar.events:,}",
            "fit into the ring" if scalar.fits else "fill it many times",
            _number(scalar.ns, "{:.1f} ns"),
            _number(scalar.cpu_ns, "{:.1f} ns"),
        )
        for scalar in results.scalars
    ]
    return _table(("event", "events", "they", "per event", "per event, CPU"), rows)


def _kept(results: Results, contender: str) -> str:
    """Return which part of the lines that ran is in what a contender left, over all programs."""
    if contender not in results.record_lines:
        return "–"
    parts = [f"{100 * part:.1f}" for part in results.lines_kept(contender)]
    if not parts:
        return "not told"
    low, high = min(parts, key=float), max(parts, key=float)
    return f"{low} %" if low == high else f"{low}–{high} %"


def _remarks(results: Results, contender: str) -> str:
    """Return what the runs of a contender had to say, each thing once, with how often."""
    found: dict[str, int] = {}
    for program in results.programs:
        samples = results.of(contender, program)
        if samples is None:
            continue
        for text in (samples.failure, samples.remark):
            if text:
                found[text] = found.get(text, 0) + 1
    return "; ".join(text if n == 1 else f"{text} ({n} programs)" for text, n in found.items())


def _times(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}×" if value < 10 else f"{value:.1f}×" if value < 100 else f"{value:,.0f}×"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; short rows are filled up."""
    lines = [head, ["---"] * len(head)]
    lines += [[*row, *[""] * (len(head) - len(row))] for row in rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
