"""The player on a running program: real processes, a real terminal."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from escope.engine.launch import RecordOptions, debug_session
from escope.engine.launch.session import Session
from escope.engine.replay.recording import Recording
from escope.storage.control import PauseReason, ProgramState
from escope.tui.app import OPENING, Cinema, open_recording
from escope.tui.screens.cinema import CinemaScreen
from escope.tui.screens.help import HelpScreen
from escope.tui.screens.leave import LeaveScreen
from escope.tui.view import Pane, View
from tests.tui.conftest import PROGRAMS
from tests.tui.pilot import check, press, send, settle, text_of

PATIENCE = 30.0


@asynccontextmanager
async def debugging(
    directory: Path,
    program: str = "asking",
    break_when: tuple[str, ...] = (),
    first: Callable[[Session], bool] = lambda session: True,
) -> AsyncIterator[tuple[Cinema, Pilot[Any], Session]]:
    """The player on a program; it opens when `first` holds."""
    options = RecordOptions(
        target=str(PROGRAMS / f"{program}.py"),
        output=str(directory / "run.esr"),
        break_when=break_when,
    )
    session = debug_session(options)
    try:
        await until(lambda: first(session), "what comes before the player")
        with open_recording(session.recording_path, OPENING) as recording:
            app = Cinema(recording, session)
            async with app.run_test(size=(110, 36)) as pilot:
                yield app, pilot, session
    finally:
        if session.running:
            session.kill()
        session.close()
        session.wait(5)
        session.wait_sealed(20)


async def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        await asyncio.sleep(0.02)


def screen_of(app: Cinema) -> str:
    assert app.cinema.terminal is not None
    return "\n".join(text_of(app.cinema.terminal))


def shown_on(app: Cinema) -> str:
    """What is on the whole screen, rows joined by a blank."""
    strips = app.screen._compositor.render_strips()
    return " ".join(" ".join(strip.text for strip in strips).split())


async def test_typing_reaches_the_program_and_its_answer_the_pane(tmp_path: Path) -> None:
    async with debugging(tmp_path) as (app, pilot, _):
        assert app.cinema.focused_pane is Pane.TERMINAL
        await until(lambda: "name?" in screen_of(app), "the prompt")
        for key in ("q", "n", "enter"):
            send(pilot, key)
        await until(lambda: "hello qn 2" in screen_of(app), "the greeting")
        await until(lambda: app.view.newest and app.view.events > 20, "following")
        await settle(pilot)
        assert app.view.follow
        await press(pilot, "ctrl+right_square_bracket")
        assert app.cinema.focused_pane is Pane.SOURCE


async def test_steps_drive_the_program_at_its_newest_moment(tmp_path: Path) -> None:
    async with debugging(tmp_path, break_when=("total == 3",)) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        for key in ("x", "enter"):
            send(pilot, key)
        await until(lambda: app.live is not None and app.live.paused, "the hit")
        assert session.control.pause_reason == PauseReason.HIT
        await until(lambda: app.view.seq >= session.control.paused_seq, "showing the hit")
        await until(lambda: app.cinema.focused_pane is Pane.SOURCE, "handing the keys over")
        await settle(pilot)
        assert "hit: total == 3" in text_of(app.cinema.status)[0]
        assert app.cinema.focused_pane is Pane.SOURCE
        check(app, app.recording)
        before = app.view.seq
        await press(pilot, "n")
        await until(lambda: app.live.paused and app.view.seq > before, "the step")  # type: ignore[union-attr]
        await settle(pilot)
        check(app, app.recording)
        count = app.view.events
        await press(pilot, "S")
        assert not app.view.follow
        assert app.view.seq < count - 1
        assert "past" in text_of(app.cinema.status)[0]
        check(app, app.recording)
        await press(pilot, "s")
        assert app.view.events == count, "in the past a step must not drive the program"
        await press(pilot, "G")
        assert app.view.follow
        await press(pilot, "c")
        await until(lambda: not app.live.paused, "running on")  # type: ignore[union-attr]


async def test_conditions_and_breakpoints_set_while_it_runs(tmp_path: Path) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        await until(lambda: app.view.events > 5 and app.view.newest, "events")
        await press(pilot, "ctrl+right_square_bracket", "B", *"turn == 1", "enter")
        await press(pilot, "9", "a", "enter")
        await until(lambda: app.live.paused, "the condition")  # type: ignore[union-attr]
        await until(lambda: app.view.seq >= session.control.paused_seq, "showing it")
        await until(lambda: app.cinema.focused_pane is Pane.SOURCE, "handing the keys over")
        await settle(pilot)
        frame = app.recording.at(app.view.seq).thread(1).frames[-1]
        assert frame.variables["turn"].scalar == 1
        await press(pilot, "B", *"turn == 1", "enter")
        await press(pilot, "1", "down", "b")
        line = app.projector.line
        await press(pilot, "escape", "c")
        await until(
            lambda: (
                app.live.paused  # type: ignore[union-attr]
                and app.recording.at(app.recording.event_count - 1).thread(1).frames[-1].line
                == line
            ),
            "the breakpoint",
        )
        assert session.running


async def test_conditions_of_the_command_line_stay_until_they_are_taken_away(
    tmp_path: Path,
) -> None:
    async with debugging(tmp_path, break_when=("total == 3", "turn == 1")) as (_, pilot, session):
        await press(pilot, "ctrl+right_square_bracket", "B", *"turn == 2", "enter")
        texts = [one["text"] for one in session.predicates]
        assert texts == ["total == 3", "turn == 1", "turn == 2"]
        await press(pilot, "B", *"total == 3", "enter")
        texts = [one["text"] for one in session.predicates]
        assert texts == ["turn == 1", "turn == 2"]


async def test_quitting_asks_and_staying_stays(tmp_path: Path) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        await press(pilot, "ctrl+right_square_bracket", "q")
        assert isinstance(app.screen, LeaveScreen)
        await press(pilot, "escape")
        assert app.screen is app.cinema
        assert session.running
        await press(pilot, "q", "s")
        await until(lambda: not session.running, "the end of the program")
        await until(lambda: app._exit, "the end of the player")
        assert session.poll() == -signal.SIGTERM


async def test_leaving_lets_the_program_run_to_its_end(tmp_path: Path) -> None:
    async with debugging(tmp_path, "wordy") as (app, pilot, session):
        await press(pilot, "ctrl+right_square_bracket")
        if session.running:
            await press(pilot, "q")
            if isinstance(app.screen, LeaveScreen):
                await press(pilot, "l")
        else:
            await press(pilot, "q")
        await until(lambda: app._exit, "the end of the player")
    await until(lambda: (tmp_path / "run.esr").exists(), "the sealed recording")
    with Recording.open(tmp_path / "run.esr") as recording:
        assert recording.manifest["status"] == 0


@pytest.mark.parametrize("how", ["kill", "end", "fail"])
async def test_the_player_goes_on_after_the_program(tmp_path: Path, how: str) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        if how == "kill":
            os.kill(session.pid, signal.SIGKILL)
        else:
            keys = ["enter"] if how == "end" else ["a", "enter", "enter"]
            for key in keys:
                send(pilot, key)
        await until(lambda: not session.running, "its end")
        await until(lambda: not app.cinema.terminal.alive, "noticing it")  # type: ignore[union-attr]
        await until(lambda: app.view.newest, "the last event")
        await settle(pilot)
        status = text_of(app.cinema.status)[0]
        expected = {"kill": "SIGKILL", "end": "ended, status 0", "fail": "status 3"}[how]
        assert expected in status
        assert app.cinema.focused_pane is Pane.SOURCE
        await asyncio.sleep(0.5)
        for key in ("S", "N", "s", "n", "home", "end", "left"):
            await press(pilot, key)
            check(app, app.recording)
        await press(pilot, "q")
        await until(lambda: app._exit, "quitting without a question")


async def test_a_program_that_ends_before_the_player_opens_takes_no_keys(tmp_path: Path) -> None:
    over = lambda session: not session.running  # noqa: E731
    async with debugging(tmp_path, "short", first=over) as (app, pilot, _):
        await settle(pilot)
        assert app.cinema.focused_pane is Pane.SOURCE
        assert "status 3" in app.cinema.bar.message
        assert "line 13" in screen_of(app)
        await press(pilot, "9")
        assert app.cinema.focused_pane is Pane.TERMINAL
        await press(pilot, "f1")
        assert isinstance(app.screen, HelpScreen)
        await press(pilot, "escape", "g", "g")
        assert app.view.seq == 0
        assert "q quit" in str(app.cinema.bar.query_one("#hints").render())
        app.cinema.terminal.post_message(events.Paste("x"))  # type: ignore[union-attr]
        await press(pilot, "q")
        await until(lambda: app._exit, "quitting")


async def test_a_program_that_waits_before_the_player_opens_leaves_it_the_keys(
    tmp_path: Path,
) -> None:
    held = lambda session: session.state is ProgramState.PAUSED  # noqa: E731
    async with debugging(tmp_path, "short", ("number == 3",), held) as (app, pilot, session):
        await settle(pilot)
        assert app.cinema.focused_pane is Pane.SOURCE
        await press(pilot, "c")
        await until(lambda: not session.running, "running on")


@pytest.mark.parametrize("stage", ["1", "8"])
async def test_the_end_takes_the_keys_back_whatever_is_in_front(tmp_path: Path, stage: str) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        await press(pilot, "ctrl+right_square_bracket", stage, "g", "t")
        assert app.view.zoomed is Pane.TERMINAL
        send(pilot, "enter")
        await until(lambda: not session.running, "its end")
        await until(lambda: not app.cinema.terminal.alive, "noticing it")  # type: ignore[union-attr]
        await settle(pilot)
        assert app.cinema.focused_pane is app.view.stage
        assert app.view.zoomed is None


async def test_the_end_answers_the_question_what_is_to_become_of_the_program(
    tmp_path: Path,
) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        await press(pilot, "ctrl+right_square_bracket", "q")
        assert isinstance(app.screen, LeaveScreen)
        os.kill(session.pid, signal.SIGKILL)
        await until(lambda: app.screen is app.cinema, "taking the question back")
        assert "has ended" in app.cinema.bar.message


def test_before_the_first_layout_nothing_takes_room_from_the_terminal() -> None:
    # The program is told the size of the pane, and may already be writing.
    screen = CinemaScreen(True, View(drawer=Pane.TERMINAL))
    shown = {pane for pane in Pane if screen.widget_of(pane).display}
    assert shown == {Pane.SOURCE, Pane.STATE, Pane.STACK, Pane.TIMELINE, Pane.TERMINAL}


@pytest.mark.parametrize("size", [(59, 30), (20, 5), (30, 3)])
async def test_where_nothing_can_be_seen_only_quitting_is_heard(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        assert app.cinema.focused_pane is Pane.TERMINAL
        typed: list[bytes] = []
        session.write = typed.append  # type: ignore[method-assign]
        await pilot.resize_terminal(*size)
        await settle(pilot)
        assert "q quits" in shown_on(app)
        pilot.app._driver.send_message(events.Paste("abc"))  # type: ignore[union-attr]
        await press(pilot, "a", "enter", "ctrl+c", "f1", "b", "q")
        assert isinstance(app.screen, LeaveScreen)
        for answer in ("s stop it", "l let it run", "Esc stay"):
            assert answer in shown_on(app)
        await press(pilot, "escape")
        assert typed == []
        await pilot.resize_terminal(110, 36)
        await settle(pilot)
        await press(pilot, "y")
        await until(lambda: typed == [b"y"], "typing again")
        await pilot.resize_terminal(*size)
        await press(pilot, "q", "s")
        await until(lambda: app._exit, "the end of the player")


def hints_of(app: Cinema) -> str:
    return str(app.cinema.bar.query_one("#hints").render())


async def test_the_hints_say_what_the_keys_do_to_the_program(tmp_path: Path) -> None:
    async with debugging(tmp_path, "loop") as (app, pilot, _):
        live = app.live
        assert live is not None
        await until(lambda: app.view.events > 20, "events")
        await press(pilot, "ctrl+right_square_bracket")
        assert "s pause " in hints_of(app)
        assert "Space pause" in hints_of(app)
        assert "over" not in hints_of(app)
        await press(pilot, "c")
        assert "s pauses it" in app.cinema.bar.message
        for key in ("s", "space"):
            send(pilot, key)
            await until(lambda: live.paused, "pausing")
            await until(lambda: not app.cinema.bar.message, "taking back that it is going to")
            assert "Space run" in hints_of(app)
            assert "n over" in hints_of(app)
            await press(pilot, "c")
            await until(lambda: not live.paused, "running on")
        await press(pilot, "S")
        assert "Space play" in hints_of(app)


async def test_conditions_of_the_start_and_of_the_player_live_together(tmp_path: Path) -> None:
    async with debugging(tmp_path, "loop", ("i == 20", "i == 60")) as (app, pilot, session):
        live = app.live
        assert live is not None
        await until(lambda: live.paused, "the first hit")
        await settle(pilot)
        await press(pilot, "B", *"i == 40", "enter")
        assert [one["text"] for one in session.predicates] == ["i == 20", "i == 60", "i == 40"]
        await press(pilot, "B", *"i == 20", "enter")
        assert "hit: i == 20" in live.badge()[0]
        for count in (40, 60):
            before = session.control.paused_seq
            await press(pilot, "c")
            await until(lambda b=before: live.paused and session.control.paused_seq > b, "a hit")  # type: ignore[misc]
            assert f"hit: i == {count}" in live.badge()[0]


def times_shown(app: Cinema) -> str | None:
    """What the source pane says of how often the line of the cursor ran."""
    found = re.search(r"ran ×([\d,]+)", str(app.cinema.source.border_subtitle))
    return found[1] if found is not None else None


@pytest.mark.parametrize("how", ["pause", "kill"])
async def test_how_often_a_line_ran_is_told_for_all_that_is_recorded(
    tmp_path: Path, how: str
) -> None:
    async with debugging(tmp_path, "loop") as (app, pilot, session):
        live = app.live
        assert live is not None
        await until(lambda: app.view.events > 200, "events")
        await press(pilot, "ctrl+right_square_bracket")
        await until(lambda: bool(app.counts), "counts")
        wrong = []
        note = app.cinema.note

        def noted(pane: Pane, text: str) -> None:
            note(pane, text)
            if pane is Pane.SOURCE and "ran ×" in text and app.counts_events != app.view.events:
                wrong.append(text)

        app.cinema.note = noted  # type: ignore[method-assign]
        if how == "pause":
            send(pilot, "s")
            await until(lambda: live.paused, "pausing")
        else:
            os.kill(session.pid, signal.SIGKILL)
            await until(lambda: not session.running, "its end")
            session.wait_sealed(20)
        await until(
            lambda: app.view.newest and app.view.events == app.recording.event_count, "the end"
        )
        await asyncio.sleep(1.5)
        await settle(pilot)
        assert not wrong
        for line in range(5, 9):
            app.set_view(app.view.with_cursor(line))
            await settle(pilot)
            ran = sum(e.line == line for e in app.recording.events(kind="line"))
            assert times_shown(app) == f"{ran:,}"
        app.set_view(app.view.grew(app.view.events + 1))
        assert times_shown(app) is None


async def test_the_flow_counts_what_came_while_it_was_in_front(tmp_path: Path) -> None:
    async with debugging(tmp_path) as (app, pilot, _):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        await press(pilot, "ctrl+right_square_bracket", "8", "S")
        await press(pilot, "9", "a", "enter", "b", "enter")
        await until(lambda: screen_of(app).count("name?") == 3, "both answers")
        assert not app.view.follow
        await until(
            lambda: (
                app.cinema.flow.flow is not None
                and any(edge.count == 2 for b in app.cinema.flow.flow.blocks for edge in b.edges)
            ),
            "counting them",
        )


async def test_the_terminal_has_the_size_of_its_pane(tmp_path: Path) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        terminal = app.cinema.terminal
        assert terminal is not None
        for size in ((80, 24), (140, 50)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            given = os.get_terminal_size(session.pty_fd)
            assert (given.columns, given.lines) == (
                terminal.content_size.width,
                terminal.content_size.height,
            )
        small = session.pty_fd, os.get_terminal_size(session.pty_fd)
        await press(pilot, "ctrl+right_square_bracket", "g", "t")
        assert app.cinema.focused_pane is Pane.TERMINAL
        assert os.get_terminal_size(session.pty_fd).columns > small[1].columns
        await press(pilot, "ctrl+right_square_bracket")
        assert app.view.zoomed is None
        assert os.get_terminal_size(session.pty_fd) == small[1]


async def test_pausing_and_running_with_space(tmp_path: Path) -> None:
    async with debugging(tmp_path) as (app, pilot, _):
        live = app.live
        assert live is not None
        await until(lambda: "name?" in screen_of(app), "the prompt")
        await until(lambda: app.view.newest and app.view.events > 5, "events")
        await press(pilot, "ctrl+right_square_bracket", "space")
        await press(pilot, "9", "b", "enter")
        await until(lambda: live.paused, "pausing at the next line")
        await until(lambda: app.cinema.focused_pane is Pane.SOURCE, "handing the keys over")
        await press(pilot, "space")
        await until(lambda: "hello b 2" in screen_of(app), "running on")


async def test_an_interrupt_reaches_the_program(tmp_path: Path) -> None:
    async with debugging(tmp_path) as (app, pilot, session):
        await until(lambda: "name?" in screen_of(app), "the prompt")
        await press(pilot, "ctrl+right_square_bracket", "ctrl+c")
        await until(lambda: not session.running, "its end")
        await until(lambda: "SIGINT" in text_of(app.cinema.status)[0], "saying so")
