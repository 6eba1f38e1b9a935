"""The tables say what the numbers say, and go where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.results import Count, Recording, Results, Samples, Scalar, geometric_mean

MIB = 1 << 20


def some_results() -> Results:
    """Two CPU-bound programs and one that waits; escope twice and eight times as slow, a rival that fails once."""
    results = Results(
        programs=["loop", "tree", "wait"],
        cpu_bound={"loop", "tree"},
        about={
            "loop": "a loop",
            "tree": "a tree",
            "wait": "waits",
            "escope": "everything",
            "rival": "lines",
            "absent": "calls",
        },
        shares={"plain": 1, "escope": 1, "rival": 100},
        versions={"plain": "", "escope": "", "rival": "2.0", "absent": None},
        record_lines={"rival"},
    )
    for contender, share in results.shares.items():
        for program in results.programs:
            results.sizes[contender, program] = 1000 // share
    for program in results.programs:
        results.samples["plain", program, 1000] = Samples(
            main=[0.5, 0.4, 0.6], cpu=[0.2], whole=[0.6, 0.5, 0.7], peak=[10 * MIB] * 3
        )
        results.samples["plain", program, 10] = Samples(main=[0.005], whole=[0.1])
    for program, times in (("loop", 2.0), ("tree", 8.0), ("wait", 1.0)):
        results.samples["escope", program, 1000] = Samples(
            main=[0.5 * times, 9.0, 0.1], cpu=[0.3], whole=[0.6 * times] * 3, peak=[18 * MIB] * 3
        )
        results.recordings[program] = Recording(
            events=10_000_000, lines=5_000_000, bytes=20_000_000, dropped=0, ring=32 * MIB
        )
        results.counts[program] = [Count("line", 7, 7)]
        results.lines[program, 10] = 400
    results.samples["rival", "loop", 10] = Samples(main=[0.5], whole=[2.0], lines=400, bytes=4000)
    results.samples["rival", "tree", 10] = Samples(failure="exceeded 60 s")
    results.samples["rival", "wait", 10] = Samples(main=[0.05], whole=[0.2], lines=100, bytes=16000)
    return results


def cells(text: str, first: str) -> list[str]:
    """Return the cells of the one row that begins with `first`."""
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_slowdown_is_that_of_the_medians_at_the_same_size() -> None:
    results = some_results()
    assert results.slowdown("escope", "loop", "main") == pytest.approx(2.0)
    assert results.slowdown("escope", "tree", "whole") == pytest.approx(8.0)
    assert results.slowdown("rival", "loop", "main") == pytest.approx(100.0)
    assert results.slowdown("rival", "loop", "whole") == pytest.approx(20.0)
    assert results.slowdown("rival", "tree", "main") is None
    assert results.slowdown("absent", "loop", "main") is None


def test_means_leave_out_what_waits_and_what_failed() -> None:
    results = some_results()
    assert results.slowdowns("escope", "main") == pytest.approx({"loop": 2.0, "tree": 8.0})
    assert results.slowdowns("rival", "main") == pytest.approx({"loop": 100.0})
    assert geometric_mean(results.slowdowns("escope", "main").values()) == pytest.approx(4.0)
    assert geometric_mean([]) is None


def test_figures_of_events_and_memory() -> None:
    results = some_results()
    assert results.ns_per_event("loop") == pytest.approx(50.0)
    assert results.memory_added("loop") == 8 * MIB
    assert results.lines_kept("rival") == pytest.approx([1.0, 0.25])


def test_targets_are_met_or_not() -> None:
    results = some_results()
    results.scalars = [
        Scalar("a line", 1000, True, 12.5, 11.0),
        Scalar("a line", 9000, False, 50.0, 13.0),
    ]
    text = table.targets(results)
    assert cells(text, "a line, per event")[1:] == ["12.5 ns", "≤ 12.0 ns", "**no**"]
    rows = table.scalars(results).splitlines()[2:]
    assert [row.split("|")[-3:-1] for row in rows] == [
        [" 12.5 ns ", " 11.0 ns "],
        [" 50.0 ns ", " 13.0 ns "],
    ]
    mean = cells(text, "slowdown within main, geometric mean")
    assert mean[1:] == ["4.00×", "≤ 4.00×", "yes"]
    assert cells(text, "slowdown within main, worst: tree")[1:] == ["8.00×", "≤ 8.00×", "yes"]
    assert cells(text, "memory added to the program at most")[1] == "8 MiB"
    assert cells(text, "bytes per event, geometric mean")[1:] == ["2.00", "≤ 2.00", "yes"]
    assert cells(text, "events dropped")[1:] == ["0", "≤ 0", "yes"]


def test_program_with_counts_that_differ_is_marked() -> None:
    results = some_results()
    results.counts["tree"] = [Count("line", 7, 7), Count("store", 3, 4)]
    text = table.programs(results)
    assert cells(text, "loop")[-1] == "equal"
    assert cells(text, "tree")[-1] == "**differ**"
    times = ["0.50 s", "2.00×", "1.50×", "2.00×"]
    assert cells(text, "loop")[2:9] == [*times, "10,000,000", "50.0", "2.00"]


def test_failures_and_absences_are_named() -> None:
    results = some_results()
    text = table.contenders(results)
    rival = cells(text, "rival 2.0")
    assert rival[2] == "1/100"
    assert rival[3] == "100×"
    assert rival[6] == "1 of 2"
    assert rival[8] == "–"
    assert rival[9] == "20.0"
    assert rival[10] == "25.0–100.0 %"
    assert rival[11] == "exceeded 60 s"
    assert cells(text, "escope")[8] == "8 MiB"
    assert "not installed" in cells(text, "absent")
    matrix = table.matrix(results, "main")
    assert cells(matrix, "tree") == ["tree", "8.00×", "exceeded 60 s"]


def test_tables_replace_what_stands_between_the_markers_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{table.BEGIN}\nold\n{table.END}\n\nafter\n", "utf-8")
    text = table.report(some_results(), [("date", "2026-01-02")])
    table.write(page, text)
    table.write(page, text)
    written = page.read_text("utf-8")
    assert written.startswith(f"# Before\n\n{table.BEGIN}\n")
    assert written.endswith(f"{table.END}\n\nafter\n")
    assert "old" not in written
    assert written.count("| date | 2026-01-02 |") == 1
    assert written.count(table.BEGIN) == written.count(table.END) == 1


def test_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{table.END} {table.BEGIN}", "utf-8")
    with pytest.raises(ValueError, match="no place for the table"):
        table.write(page, "text")
    assert page.read_text("utf-8") == f"{table.END} {table.BEGIN}"


def test_own_page_has_the_markers() -> None:
    page = Path(__file__).parents[2] / "docs" / "benchmarks.md"
    text = page.read_text("utf-8")
    assert text.count(table.BEGIN) == text.count(table.END) == 1
    assert text.index(table.BEGIN) < text.index(table.END)
