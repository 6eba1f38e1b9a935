"""`escope info`."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import Any

import click

from escope.cli.reading import FILE, JSON, WIDTH, opened, position_text, write, write_json
from escope.tui.plain import cut, plain


@click.command("info")
@FILE
@JSON
def command(file: str, as_json: bool) -> None:
    """Say what a recording holds.

    How the program ended, counts of events and labels over all processes, the processes, sizes, what was not
    traced and why.
    """
    with opened(file) as recording:
        info = recording.info()
    if as_json:
        write_json(info)
        return
    for line in lines(info):
        write(line)


def lines(info: dict[str, Any]) -> list[str]:
    """Return the text for people."""
    argv = " ".join(shlex.quote(str(word)) for word in info["argv"])
    status = info["status"]
    ended = "still running" if status is None else str(status)
    facts = [
        ("program", plain(argv)),
        ("status", plain(ended)),
        ("made by", f"escope {info['escope']}, core {info['core']}, Python {info['python']}"),
        ("format", ".".join(map(str, info["format"]))),
        ("sealed", "yes" if info["sealed"] else "no"),
        ("events", f"{info['events']:,}"),
        ("duration", f"{info['duration_ns'] / 1e9:.3f} s"),
        ("modules", _modules(info["modules"])),
        ("threads", str(info["threads"])),
        ("bytes", f"{info['bytes']:,} ({info['bytes_per_event'] or 0:.2f} per event)"),
        ("dropped", f"{info['dropped']:,}"),
    ]
    if info.get("partial"):
        facts.append(("partial", str(info["partial"])))
    found = [f"{name:<10} {plain(text)}" for name, text in facts]
    if info["processes"] > 1:
        found.append("processes")
        found += [_process(one) for one in info["process_list"]]
    found += _table("kinds", info["kinds"])
    found += _table("labels", info["labels"])
    skipped = info["skipped"]
    if skipped:
        found.append("skipped")
        modules = [one for one in skipped if not one.get("qualname")]
        for reason, count in Counter(str(one.get("reason")) for one in modules).most_common():
            names = [str(one.get("module")) for one in modules if str(one.get("reason")) == reason]
            some = ", ".join(names[:6]) + (f", … {count - 6} more" if count > 6 else "")
            found.append(f"  {plain(reason)}: {plain(some)}")
        for one in skipped:
            if one.get("qualname"):
                name = f"{one.get('module')}.{one['qualname']}"
                found.append(f"  {plain(name)}: {plain(str(one.get('reason')))}")
    return found


def _modules(counts: dict[str, int]) -> str:
    return (
        f"{counts['instrumented']:,} instrumented, {counts['cached']:,} of them from the code cache"
    )


def _table(title: str, counts: dict[str, int]) -> list[str]:
    if not any(counts.values()):
        return []
    rows = sorted(counts.items(), key=lambda item: -item[1])
    return [title, *(f"  {plain(name):<14} {count:>14,}" for name, count in rows if count)]


def _process(one: dict[str, Any]) -> str:
    """Return the line about a process: its number, where it comes from, its events, how it ended, what it ran."""
    origin = ""
    if one["parent"] is not None and one["at"] is not None:
        origin = f"{one['how']} at {position_text(one['parent'], one['at'])}"
    ended = "runs" if one["status"] is None else str(one["status"])
    argv = cut(plain(" ".join(shlex.quote(word) for word in one["argv"])), WIDTH)
    partial = f"  partial: {one['partial']}" if one["partial"] else ""
    return plain(
        f"  {one['number']:>4}  pid {one['pid'] or '?':<8} {origin:<16} {one['events']:>12,} events  "
        f"{ended:<10} {argv}{partial}"
    )
