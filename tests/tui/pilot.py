"""Driving the player in tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.widget import Widget

from escope.engine.replay.recording import Recording
from escope.tui.app import Cinema
from escope.tui.plain import plain
from escope.tui.view import Pane

PATIENCE = 20.0


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until all that was asked for is done and shown."""
    app = pilot.app
    assert isinstance(app, Cinema)
    quiet = 0
    until = time.monotonic() + PATIENCE
    while quiet < 3 and not app._exit:
        assert time.monotonic() < until, f"the player does not come to rest: {_state(app)}"
        await asyncio.sleep(0.002)
        quiet = quiet + 1 if _at_rest(app) else 0
    app.screen._on_timer_update()
    await asyncio.sleep(0)


def _at_rest(app: Cinema) -> bool:
    pumps = [app, *app.screen_stack, *app.screen.query("*")]
    return (
        app.reader.idle
        and all(_waits(pump) for pump in pumps)
        and not any(screen._callbacks or screen._layout_required for screen in app.screen_stack)
    )


def _waits(pump: MessagePump) -> bool:
    """Whether a pump waits for its next message.

    An empty queue does not tell: a pump takes the message after the one at hand out of its queue,
    to see whether it replaces it, and an await within a handler leaves the queue empty as well.
    """
    ready = pump._message_queue.ready_event
    return not ready.is_set() and bool(ready._waiters)


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys, one after the other, and wait for what each does."""
    for key in keys:
        send(pilot, key)
        await settle(pilot)


def send(pilot: Pilot[Any], key: str) -> None:
    """Press a key and do not wait."""
    name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
    character = {"space": " ", "enter": "\r", "tab": "\t"}.get(name)
    driver = pilot.app._driver
    assert driver is not None
    event = events.Key(name, key if len(key) == 1 else character)
    event.set_sender(pilot.app)
    driver.send_message(event)


@asynccontextmanager
async def playing(
    recording: Recording, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[Cinema, Pilot[Any]]]:
    """The player on a recording, at rest."""
    app = Cinema(recording)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, pilot


def text_of(widget: Widget) -> list[str]:
    """The rows of a pane as they are on the screen, without trailing blanks."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def check(app: Cinema, recording: Recording) -> None:
    """What the player shows is what the recording says about its position."""
    seq = app.view.seq
    assert 0 <= seq < recording.event_count
    picture = app.picture
    assert picture is not None
    assert picture.seq == seq
    assert f"{seq:,}" in text_of(app.cinema.status)[0]
    event = recording.event(seq).to_json()
    state = recording.at(seq).to_json()
    assert (picture.event.kind, picture.event.depth) == (event["kind"], event["depth"])
    _check_events(app, recording)
    threads = {thread["id"]: thread for thread in state["threads"]}
    assert [thread.id for thread in picture.threads] == list(threads)
    if not threads:
        return
    if app.view.thread is None and event["thread"] in threads:
        assert picture.thread == event["thread"]
    frames = threads[picture.thread]["frames"]
    _check_stack(app, frames)
    if not frames:
        return
    frame = frames[max(0, len(frames) - 1 - app.view.up)]
    if app.view.file is None:
        _check_source(app, frame)
    _check_state(app, frame)


def _check_events(app: Cinema, recording: Recording) -> None:
    widget = app.cinema.events
    if not app.cinema.in_sight(Pane.EVENTS, app.view):
        return
    here = [row for row in text_of(widget) if row.startswith("▶")]
    assert len(here) == 1
    assert here[0].split()[0].lstrip("▶") or here[0].split()[1]
    assert f"{app.view.seq:,}" in here[0]
    line = widget.line(app.view.seq)
    assert line is not None
    assert line.kind == recording.event(app.view.seq).kind


def _check_stack(app: Cinema, frames: list[dict[str, Any]]) -> None:
    picture = app.picture
    assert picture is not None
    thread = picture.shown_thread
    assert thread is not None
    assert [(f.id, f.file, f.line) for f in thread.frames] == [
        (f["id"], f["file"], f["line"]) for f in frames
    ]
    shown = [row for row in text_of(app.cinema.stack) if row.startswith("▌")]
    if frames and app.cinema.in_sight(Pane.STACK, app.view):
        frame = frames[picture.frame]
        assert len(shown) == 1
        assert plain(frame["function"].split("<locals>.")[-1])[:8] in shown[0]


def _check_source(app: Cinema, frame: dict[str, Any]) -> None:
    source = app.cinema.source
    assert source.part is not None
    assert (source.part.text.file, source.part.line) == (frame["file"], frame["line"])
    if not app.cinema.in_sight(Pane.SOURCE, app.view) or app.view.cursor is not None:
        return
    marked = [row for row in text_of(source) if row[1:2] in ("▶", "▷")]
    assert len(marked) == (1 if source.part.text.lines else 0)
    if marked:
        assert marked[0][2:].split("▎")[0].split()[0].rstrip("▎") == str(frame["line"])


def _check_state(app: Cinema, frame: dict[str, Any]) -> None:
    rows = app.cinema.state.rows
    shown = {row.path[1]: row for row in rows if len(row.path) == 2 and row.path[0] == ""}
    hidden = {row.path[1]: row for row in rows if len(row.path) == 2 and row.path[0] != ""}
    present = {name: row for name, row in shown.items() if row.kind != "gone"}
    variables = frame["variables"]
    assert set(present) <= set(variables)
    for name, value in variables.items():
        row = present.get(name) or hidden.get(name)
        if row is None:
            # Definitions lie behind a closed heading.
            assert "name" in value or name.startswith("__") or value.get("ref"), name
            continue
        if "repr" in value and "id" not in value and len(value["repr"]) < 60:
            assert plain(value["repr"]) in row.value or value.get("label")
        if "length" in value and row.expanded:
            assert f"{value['length']:,}" in row.value


def _state(app: Cinema) -> str:
    """What the player is still busy with, for the message of a failed test."""
    pumps = [app, *app.screen_stack, *app.screen.query("*")]
    queues = [
        (type(p).__name__, p._message_queue.qsize()) for p in pumps if p._message_queue.qsize()
    ]
    screens = [(bool(s._callbacks), s._layout_required) for s in app.screen_stack]
    lanes = (app.reader.mover.idle, app.reader.panels._current, app.reader.counts._current)
    return f"{lanes} {queues} {screens} {app._exit}"
