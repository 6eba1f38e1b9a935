"""Keys on real recordings: what the player shows is what the recording says."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from escope.engine.replay.recording import Recording
from escope.engine.replay.value import Value
from escope.events import Kind
from escope.tui.keys import Keymap
from escope.tui.view import Pane
from tests.tui.pilot import check, playing, press, send, settle, text_of

Opened = Callable[[str], Recording]
STEPS = {
    "s": "step_into", "n": "step_over", "f": "step_out",
    "S": "back_into", "N": "back_over", "F": "back_out",
    "f11": "step_into", "f10": "step_over", "shift+f11": "step_out", "shift+f10": "back_over",
    "shift+right": "next_line_same_depth", "shift+left": "previous_line_same_depth",
}  # fmt: skip


@pytest.mark.parametrize("name", ["cart", "workers"])
@pytest.mark.parametrize("key", list(STEPS))
async def test_a_step_key_goes_where_the_timeline_says(opened: Opened, name: str, key: str) -> None:
    recording = opened(name)
    step = getattr(recording.timeline, STEPS[key])
    generator = random.Random(f"{name}{key}")
    async with playing(recording) as (app, pilot):
        for start in [
            0,
            recording.event_count - 1,
            *generator.sample(range(recording.event_count), 6),
        ]:
            app.actions.seek(start)
            await settle(pilot)
            expected = step(start)
            await press(pilot, key)
            assert app.view.seq == (start if expected is None else expected)
            if expected is None:
                assert app.cinema.bar.message
            check(app, recording)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cart", "workers", "hostile"])
async def test_walking_forward_and_back_shows_every_moment(opened: Opened, name: str) -> None:
    recording = opened(name)
    async with playing(recording) as (app, pilot):
        check(app, recording)
        last = min(recording.event_count, 160) - 1
        for seq in range(1, last + 1):
            await press(pilot, "right")
            assert app.view.seq == seq
            check(app, recording)
        for seq in range(last - 1, max(last - 40, -1), -1):
            await press(pilot, "left")
            assert app.view.seq == seq
            check(app, recording)


async def test_seeking_keys(opened: Opened) -> None:
    recording = opened("workers")
    end = recording.event_count - 1
    async with playing(recording) as (app, pilot):
        for keys, target in [
            (["G"], end), (["g", "g"], 0), (["end"], end), (["home"], 0),
            ([":", "5", "0", "%", "enter"], recording.position("50%")),
            ([":", "7", "enter"], 7), ([":", *"exception", "enter"], recording.position("exception")),
        ]:  # fmt: skip
            await press(pilot, *keys)
            assert app.view.seq == target, keys
            check(app, recording)


async def test_the_first_and_last_event_are_the_ends(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "left")
        assert app.view.seq == 0
        assert "no earlier" in app.cinema.bar.message
        await press(pilot, "G", "right")
        assert app.view.seq == recording.event_count - 1
        assert "no later" in app.cinema.bar.message


async def test_quick_typing_ends_where_slow_typing_does(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        for key in "snnsnsss":
            send(pilot, key)
        await settle(pilot)
        quick = app.view.seq
        check(app, recording)
        await press(pilot, "g", "g")
        for key in "snnsnsss":
            await press(pilot, key)
        assert app.view.seq == quick


async def test_brackets_go_to_exceptions_and_output(opened: Opened) -> None:
    recording = opened("cart")
    raises = recording.marks(Kind.RAISE).tolist()
    writes = recording.marks(Kind.OUTPUT).tolist()
    async with playing(recording) as (app, pilot):
        await press(pilot, "]", "e")
        assert app.view.seq == raises[0]
        check(app, recording)
        await press(pilot, "G", "[", "e")
        assert app.view.seq == raises[-1]
        await press(pilot, "g", "g", "]", "o", "]", "o")
        assert app.view.seq == writes[1]
        await press(pilot, "[", "o")
        assert app.view.seq == writes[0]
        check(app, recording)


async def test_a_beginning_of_a_sequence_is_shown_and_can_be_given_up(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "]")
        assert "exception" in str(app.cinema.bar.query_one("#hints").render())
        await press(pilot, "z")
        assert app.view.seq == 0
        await press(pilot, "n")
        assert app.view.seq > 0


@pytest.mark.parametrize("width", [60, 80, 100])
async def test_what_may_follow_is_cut_with_an_ellipsis(opened: Opened, width: int) -> None:
    async with playing(opened("cart"), (width, 20)) as (app, pilot):
        await press(pilot, "]")
        row = app.screen._compositor.render_strips()[-1].text.rstrip()
        assert row.endswith("…") or "Next breakpoint or hit" in row


@pytest.mark.parametrize("width", [60, 75, 90, 140])
async def test_rows_that_go_on_say_so_once(opened: Opened, width: int) -> None:
    async with playing(opened("golden"), (width, 30)) as (app, pilot):
        await press(pilot, "/", *"call scan", "enter", "m", "a", "]", "e", "=")
        cut_off = 0
        for widget in (app.cinema.source, app.cinema.diff, app.cinema.state, app.cinema.stack):
            room = widget.scrollable_content_region.width
            for row in range(widget.row_count):
                lead = widget.lead(row, room)
                left = room - sum(segment.cell_length for segment in lead)
                whole = "".join(segment.text for segment in [*lead, *widget.paint(row, left)])
                y = row - widget.scroll_offset.y
                if not 0 <= y < widget.size.height:
                    continue
                text = widget.render_line(y).text
                assert "……" not in text
                if len(whole.rstrip()) > room:
                    cut_off += 1
                    assert text[:room].rstrip().endswith("…")
        assert cut_off or width > 100


async def test_panes_tell_nothing_from_not_known_yet(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    from escope.tui import supply

    free = threading.Event()

    def slowly(*given: object) -> Callable[[object], object]:
        work = flow_of(*given)  # type: ignore[arg-type]
        return lambda token: free.wait(10) and work(token)  # type: ignore[arg-type]

    flow_of = supply.flow_of
    monkeypatch.setattr(supply, "flow_of", slowly)
    async with playing(opened("golden"), (100, 30)) as (app, pilot):
        await press(pilot, "/", *"call scan", "enter")
        send(pilot, "8")
        await pilot.pause(0.2)
        assert text_of(app.cinema.flow)[0].strip() == "…"
        free.set()
        await settle(pilot)
        assert "entry" in text_of(app.cinema.flow)[0]
        await press(pilot, "g", "g")
        assert "no function here" in text_of(app.cinema.flow)[0]


async def test_run_to_the_cursor_both_ways(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "s", "s", "s")
        await press(pilot, "down", "down")
        file, line = app.projector.file, app.projector.line
        assert file is not None
        assert line is not None
        expected = recording.timeline.run_to(file, line, app.view.seq)
        here = app.view.seq
        await press(pilot, "t")
        assert app.view.seq == (expected if expected is not None else here)
        check(app, recording)
        await press(pilot, "G")
        app.set_view(app.view.with_cursor(line))
        await press(pilot, "T")
        assert app.view.seq == recording.timeline.run_to(
            file, line, recording.event_count - 1, backward=True
        )
        check(app, recording)


async def test_the_jump_list_and_marks(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, *":20", "enter", "m", "a", *":40", "enter", "G")
        await press(pilot, "ctrl+o")
        assert app.view.seq == 40
        await press(pilot, "alt+left")
        assert app.view.seq == 20
        await press(pilot, "alt+right")
        assert app.view.seq == 40
        await press(pilot, "'", "a")
        assert app.view.seq == 20
        await press(pilot, "'", "z")
        assert "no mark z" in app.cinema.bar.message
        check(app, recording)


async def test_up_and_down_the_stack(opened: Opened) -> None:
    recording = opened("workers")
    async with playing(recording) as (app, pilot):
        await press(pilot, "]", "e")
        depth = len(app.picture.shown_thread.frames)  # type: ignore[union-attr]
        assert depth >= 3
        for up in range(1, depth):
            await press(pilot, "u")
            assert app.view.up == up
            check(app, recording)
        await press(pilot, "u")
        assert app.view.up == depth - 1
        await press(pilot, "d")
        assert app.view.up == depth - 2
        check(app, recording)


async def test_picking_a_thread_shows_its_stack(opened: Opened) -> None:
    recording = opened("workers")
    async with playing(recording) as (app, pilot):
        for seq in range(recording.event_count):
            if len(recording.at(seq).threads) > 1:
                app.actions.seek(seq)
                break
        await settle(pilot)
        await press(pilot, "3", "home", "enter")
        check(app, recording)
        await press(pilot, "end", "enter")
        check(app, recording)


async def test_a_container_opens_page_by_page(opened: Opened) -> None:
    recording = opened("wordy")
    async with playing(recording) as (app, pilot):
        await press(pilot, "G", "[", "o")
        names = [row.name for row in app.cinema.state.rows]
        await press(pilot, "2", "home", *["down"] * names.index("rows"), "right")
        rows = app.cinema.state.rows
        assert [row.value for row in rows if row.path[:2] == ("", "rows")][1:4] == ["0", "1", "2"]
        more = [row for row in rows if row.kind == "more"]
        assert len(more) == 1
        assert "250 more" in more[0].value
        index = rows.index(more[0])
        app.cinema.state.go(index)
        await press(pilot, "enter")
        rows = app.cinema.state.rows
        assert sum(row.path[:2] == ("", "rows") and row.kind == "scalar" for row in rows) == 200
        check(app, recording)
        app.cinema.state.go(names.index("rows"))
        await press(pilot, "left")
        assert len(app.cinema.state.rows) == len(names)


async def test_what_a_step_changed_is_marked(opened: Opened) -> None:
    recording = opened("wordy")
    stores = [e.seq for e in recording.events(kind="store") if e.name == "total"]
    async with playing(recording) as (app, pilot):
        await press(pilot, *f":{stores[5] - 1}", "enter", "right")
        changed = {row.name: row for row in app.cinema.state.rows if row.changed}
        assert set(changed) == {"total"}
        assert changed["total"].before == "6"
        assert changed["total"].value == "10"


async def test_a_breakpoint_stops_and_is_marked(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "s", "s", "b")
        file, line = app.projector.file, app.projector.line
        assert (file, line) in app.view.breakpoints
        assert any(row.startswith("●") for row in text_of(app.cinema.source))
        assert file is not None
        assert line is not None
        end = recording.event_count - 1
        await press(pilot, "G", "C")
        assert app.view.seq == recording.timeline.run_to(file, line, end, backward=True)
        app.set_view(app.view.with_cursor(line))
        check(app, recording)
        await press(pilot, "b", "c")
        assert app.view.seq == recording.event_count - 1


async def test_a_condition_is_found_both_ways(opened: Opened) -> None:
    recording = opened("wordy")
    expected = next(iter(recording.find("total > 1000", limit=1))).seq
    async with playing(recording, (120, 40)) as (app, pilot):
        await press(pilot, "B", *"total > 1000", "enter")
        assert app.view.seq == expected
        check(app, recording)
        await press(pilot, "G", "[", "b")
        assert app.view.seq == expected
        await press(pilot, "g", "g", "/", *"row == 17", "enter")
        first = next(iter(recording.find("row == 17", limit=1))).seq
        assert app.view.seq == first
        await press(pilot, "G", ",")
        assert app.view.seq == first
        await press(pilot, "g", "g", ".")
        assert app.view.seq == first


async def test_searching_events_by_kind_and_text(opened: Opened) -> None:
    recording = opened("cart")
    wanted = [e.seq for e in recording.events(kind="call") if "checkout" in (e.function or "")]
    async with playing(recording) as (app, pilot):
        await press(pilot, "/", *"call checkout", "enter")
        assert app.view.seq == wanted[0]
        await press(pilot, ".")
        assert app.view.seq == wanted[1]
        await press(pilot, ",")
        assert app.view.seq == wanted[0]


async def test_an_expression_that_does_not_parse_gets_one_line(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        for key in ("B", "/", "!"):
            await press(pilot, key, *"x +", "enter")
            assert app.cinema.bar.message
            assert app.view.seq == 0
        await press(pilot, ":", *"nonsense", "enter")
        assert "nonsense" in app.cinema.bar.message
        await press(pilot, ":", *"99999999", "enter")
        assert "outside" in app.cinema.bar.message
        assert not app.view.predicates


async def test_evaluating_an_expression_here(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "]", "e", "!", *"rate + 1", "enter")
        assert app.cinema.bar.message.endswith("11")
        await press(pilot, "!", *"self.total", "enter")
        assert "12.0" in app.cinema.bar.message
        await press(pilot, "!", *"nobody", "enter")
        assert "nobody" in app.cinema.bar.message


async def test_changes_of_the_selected_variable(opened: Opened) -> None:
    recording = opened("wordy")
    stores = [e.seq for e in recording.events(kind="store") if e.name == "total"]
    async with playing(recording) as (app, pilot):
        await press(pilot, *f":{stores[3]}", "enter", "2")
        names = [row.name for row in app.cinema.state.rows]
        await press(pilot, "home", *["down"] * names.index("total"), "]", "c")
        assert app.view.seq == stores[4]
        await press(pilot, "[", "c", "[", "c")
        assert app.view.seq == stores[2]
        check(app, recording)


async def test_changes_of_what_a_variable_holds(opened: Opened) -> None:
    recording = opened("cart")
    begin = next(e.seq for e in recording.events(kind="store") if e.name == "first")
    end = next(e.seq for e in recording.events(kind="store") if e.name == "second")
    number = recording.event(begin).frame

    def changes(shown: Callable[[Value], object]) -> list[int]:
        """The moments between at which what `first` holds became another."""
        seen = [
            shown(recording.at(seq).frame(number).variables["first"])  # type: ignore[union-attr]
            for seq in range(begin, end)
        ]
        return [begin + n for n in range(1, len(seen)) if seen[n] != seen[n - 1]]

    async with playing(recording, (110, 44)) as (app, pilot):

        async def show_main() -> None:
            thread = app.picture.shown_thread  # type: ignore[union-attr]
            assert thread is not None
            names = [frame.function for frame in thread.frames[::-1]]
            app.set_view(app.view.on_frame(names.index("main")))
            await settle(pilot)

        async def select(path: tuple[str, ...]) -> None:
            await show_main()
            app.cinema.state.go([row.path for row in app.cinema.state.rows].index(path))
            await settle(pilot)

        await press(pilot, *f":{end - 1}", "enter", "2")
        await select(("", "first"))
        whole = changes(lambda value: repr(value.to_json()))
        assert len(whole) > 6
        for expected in whole[:-4:-1]:
            await press(pilot, "[", "c")
            assert app.view.seq == expected
            await show_main()
        await select(("", "first"))
        await press(pilot, "right")
        await select(("", "first", ".items"))
        items = changes(lambda value: value.attribute("items").length)  # type: ignore[union-attr]
        assert len(items) == 6
        here = app.view.seq
        for expected in [seq for seq in items if seq < here][::-1]:
            await press(pilot, "[", "c")
            assert app.view.seq == expected
            await show_main()
        await press(pilot, "[", "c")
        assert app.view.seq == begin
        await press(pilot, "[", "c")
        assert app.cinema.bar.message == "no earlier change of first.items"


async def test_playing_moves_and_pausing_stops(opened: Opened) -> None:
    recording = opened("wordy")
    async with playing(recording) as (app, pilot):
        await press(pilot, ">", ">", ">", ">")
        send(pilot, "space")
        await pilot.pause(0.4)
        assert app.view.playing
        await press(pilot, "space")
        assert not app.view.playing
        reached = app.view.seq
        assert reached > 0
        await pilot.pause(0.2)
        assert app.view.seq == reached
        check(app, recording)


async def test_the_output_pane_shows_what_was_written_so_far(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording, (120, 40)) as (app, pilot):
        await press(pilot, "6")
        assert "nothing written" in text_of(app.cinema.output)[0]
        await press(pilot, "]", "o")
        lines = [line.text for line in app.cinema.output.lines]
        data = b"".join(data for _, _, data in recording.output(app.view.seq))
        assert lines == data.decode().splitlines()
        await press(pilot, "G")
        lines = [line.text for line in app.cinema.output.lines]
        assert lines == b"".join(d for _, _, d in recording.output()).decode().splitlines()
        assert app.view.drawer is Pane.OUTPUT
        await press(pilot, "home", "enter")
        assert app.view.seq == recording.marks(Kind.OUTPUT)[0]


async def test_every_pane_can_be_reached_and_zoomed(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording, (80, 24)) as (app, pilot):
        for pane in app.cinema.panes:
            await press(pilot, str(pane.number))
            assert app.cinema.focused_pane is pane
            widget = app.cinema.widget_of(pane)
            before = widget.size.area
            await press(pilot, "+")
            assert app.cinema.widget_of(pane).size.area >= before
            await press(pilot, "s", "-")
            assert app.view.zoomed is None
            check(app, recording)
        await press(pilot, "1")
        seen = set()
        for _ in app.cinema.panes:
            await press(pilot, "tab")
            seen.add(app.cinema.focused_pane)
        assert {Pane.SOURCE, Pane.STATE, Pane.STACK, Pane.TIMELINE} <= seen


async def test_help_and_palette_list_the_table(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording, (120, 50)) as (app, pilot):
        await press(pilot, "f1")
        screenshot = app.export_screenshot()
        for word in ("Forward", "Shift+F10", "Breakpoint", "gg"):
            assert word in screenshot
        await press(pilot, "escape")
        assert app.screen is app.cinema
        await press(pilot, "ctrl+p", *"back out", "enter")
        await settle(pilot)
        assert app.screen is app.cinema


def test_every_action_of_the_table_exists(opened: Opened) -> None:
    from escope.tui.app import Cinema

    app = Cinema(opened("cart"))
    app.reader.close()
    assert {key.action for key in Keymap(True).keys} <= app.actions.known


async def test_the_timeline_puts_cursor_and_marks(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "]", "e")
        marks = text_of(app.cinema.timeline)[-1]
        assert marks.count("▲") == 1
        column = marks.index("▲")
        width = app.cinema.timeline.size.width
        assert abs(column - app.view.seq * width // recording.event_count) <= 1
        await press(pilot, "g", "g")
        marks = text_of(app.cinema.timeline)[-1]
        assert marks.index("▲") == 0
        assert "✖" in marks
        await pilot.click(app.cinema.timeline, offset=(width // 2, 1))
        await settle(pilot)
        assert abs(app.view.seq - recording.event_count // 2) <= recording.event_count // width + 2


async def test_clicks_do_what_keys_do(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "]", "e")
        await pilot.click(app.cinema.events, offset=(10, 1))
        await settle(pilot)
        check(app, recording)
        await pilot.click(app.cinema.stack, offset=(5, 2))
        await settle(pilot)
        check(app, recording)
        await pilot.click(app.cinema.source, offset=(12, 2))
        await settle(pilot)
        assert app.view.cursor is not None


async def test_markup_and_escapes_in_recorded_text_are_only_text(opened: Opened) -> None:
    recording = opened("hostile")
    async with playing(recording, (160, 50)) as (app, pilot):
        for keys in (["G"], ["6"], ["7"], ["2"], ["end"], ["8"], ["[", "e"]):
            await press(pilot, *keys)
            check(app, recording)
        for row in range(len(app.cinema.state.rows)):
            app.cinema.state.go(row)
            await press(pilot, "right")
        for widget in (app.cinema.state, app.cinema.output, app.cinema.events, app.cinema.source):
            for line in text_of(widget):
                assert "\x1b" not in line
                assert "\u202e" not in line
        svg = app.export_screenshot()
        assert "[bold]" in svg.replace("&#160;", " ")
        await press(pilot, "!", *"evil", "enter")
        assert "\x1b" not in app.cinema.bar.message


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (200, 60), (59, 30), (20, 5), (2, 1)])
async def test_any_size_is_safe(opened: Opened, size: tuple[int, int]) -> None:
    recording = opened("cart")
    async with playing(recording, size) as (app, pilot):
        small = size[0] < 60 or size[1] < 16
        await press(pilot, "n", "n", "2", "5", "7", "8")
        assert app.cinema.has_class("small") is small
        app.export_screenshot()
        await pilot.resize_terminal(100, 30)
        await settle(pilot)
        await press(pilot, "1", "5", "s")
        check(app, recording)


@pytest.mark.parametrize("size", [(59, 30), (30, 10), (20, 5), (18, 3), (9, 2), (7, 1)])
async def test_too_small_a_screen_says_whole_what_can_be_done(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with playing(opened("cart"), size) as (app, pilot):
        strips = app.screen._compositor.render_strips()
        said = " ".join(" ".join(strip.text for strip in strips).split()).rstrip(".")
        assert said.endswith("q quits")
        await press(pilot, "n", "f1", "G")
        assert app.view.seq == 0
        assert app.screen is app.cinema
        await press(pilot, "q")
        assert app._exit


@pytest.mark.parametrize("seed", range(4))
async def test_random_keys_never_break_it(opened: Opened, seed: int, tmp_path: Path) -> None:
    generator = random.Random(seed)
    name = generator.choice(["cart", "workers", "hostile", "wordy"])
    recording = opened(name)
    keys = [
        *"snfcSNFCtTudbm'[]ecobgG<>.,+-=123456780:!/",
        "left", "right", "up", "down", "home", "end", "enter", "escape", "space", "tab",
        "shift+tab", "ctrl+o", "alt+left", "alt+right", "shift+left", "shift+right", "pagedown",
        "pageup", "f1", "f5", "f9", "f10", "f11", "shift+f5", "a", "z",
    ]  # fmt: skip
    typed = []
    async with playing(recording, (90, 26)) as (app, pilot):
        for _ in range(120):
            key = generator.choice(keys)
            typed.append(key)
            send(pilot, key)
            if generator.random() < 0.3:
                await settle(pilot)
        await press(pilot, "escape", "escape", "escape", "escape")
        app.set_view(app.view.play(False))
        await settle(pilot)
        assert app.screen is app.cinema, typed
        check(app, recording)


async def test_a_long_search_says_so_and_escape_gives_it_up(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = opened("cart")

    def forever(seq: int, stops: object, cancelled: Callable[[], bool]) -> None:
        while not cancelled():
            time.sleep(0.01)

    monkeypatch.setattr(recording.timeline, "continue_", forever)
    async with playing(recording) as (app, pilot):
        for key in ("/", *"rate > 5", "enter"):
            send(pilot, key)
        await pilot.pause(1.0)
        assert "looking for" in app.cinema.bar.message
        # What does not need the recording goes on.
        send(pilot, "2")
        await pilot.pause(0.1)
        assert app.cinema.focused_pane is Pane.STATE
        await press(pilot, "escape")
        assert app.cinema.bar.message == "given up"
        assert app.view.seq == 0
        await press(pilot, "n")
        check(app, recording)


async def test_too_large_a_difference_is_refused_in_words(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escope.tui.comparison.OBJECTS", 3)
    recording = opened("cart")
    async with playing(recording) as (app, pilot):
        await press(pilot, "]", "o", "m", "a", "[", "o", "]", "e", "=")
        assert any(line.op == "note" for line in app.cinema.diff.changes.lines)


async def test_the_diff_panel_lists_what_diff_says(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording, (120, 40)) as (app, pilot):
        await press(pilot, *":60", "enter", "m", "a", *":90", "enter", "=")
        expected = recording.at(60).diff(recording.at(90))
        lines = app.cinema.diff.changes.lines
        assert [line.op for line in lines] == [change.op for change in expected]
        assert "mark a" in app.cinema.diff.changes.title
        await press(pilot, "=", "=")
        await press(pilot, *":91", "enter", "right")
        here = app.cinema.diff.changes
        assert here.lines or here.title


async def test_a_position_is_compared_with_and_takes_no_mark(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording, (120, 40)) as (app, pilot):
        await press(pilot, *":60", "enter", "m", "d", *":90", "enter")
        for other in (70, 75):
            await press(pilot, *f":diff {other}", "enter")
            assert app.cinema.diff.changes.title.startswith(f"position {other}")
            ops = [change.op for change in recording.at(other).diff(recording.at(90))]
            assert [line.op for line in app.cinema.diff.changes.lines] == ops
        assert app.view.marks == {"d": 60}
        titles = []
        for _ in range(4):
            await press(pilot, "=")
            titles.append(app.cinema.diff.changes.title)
        assert any("mark d, position 60" in title for title in titles)
        assert titles[-1].startswith("position 75")


async def test_commands_say_what_they_did_or_why_not(opened: Opened) -> None:
    recording = opened("cart")
    async with playing(recording, (80, 24)) as (app, pilot):
        await press(pilot, "s", "s")
        file, last = app.projector.file, len(app.cinema.source.part.text.lines)  # type: ignore[union-attr]
        for text in ("line 999", "line 0", "break cart.py:999", f"break :{last + 1}"):
            await press(pilot, ":", *text, "enter")
            assert f"its last is {last}" in app.cinema.bar.message
        assert app.view.cursor is None
        assert not app.view.breakpoints
        await press(pilot, *f":line {last}", "enter")
        assert app.view.cursor == last
        for said in ("breakpoint on cart.py:5", "no breakpoint on cart.py:5 any more"):
            await press(pilot, *":break cart.py:5", "enter")
            assert app.cinema.bar.message == said
        assert file is not None
        await press(pilot, ":", *("nonsense" * 9), "enter")
        row = app.screen._compositor.render_strips()[-1].text.rstrip()
        assert row.endswith("F1 lists them all")
    async with playing(recording, (120, 70)) as (app, pilot):
        await press(pilot, "f1", "pagedown", "pagedown", "pagedown")
        assert "break NAME:N" in app.export_screenshot().replace("&#160;", " ")


async def test_two_frames_of_one_function_are_compared(opened: Opened) -> None:
    recording = opened("cart")
    moments = [e.seq for e in recording.events(kind="line") if e.function == "checkout"]
    first = recording.event(moments[0])
    again = [s for s in moments if recording.event(s).line == first.line]
    assert len(again) == 2
    async with playing(recording, (120, 40)) as (app, pilot):
        await press(pilot, *f":{again[1]}", "enter", "7", "=", "=")
        while "the time before" not in app.cinema.diff.changes.title:
            await press(pilot, "=")
        assert f"position {again[0]:,}, another call" in app.cinema.diff.changes.title
        one = recording.at(again[0]).frame(recording.event(again[0]).frame)
        two = recording.at(again[1]).frame(recording.event(again[1]).frame)
        assert one is not None
        assert two is not None
        ops = [change.op for change in one.diff(two)]
        assert [line.op for line in app.cinema.diff.changes.lines] == ops


async def test_the_flow_pane_counts_what_the_overlay_counts(opened: Opened) -> None:
    from escope.engine.replay.overlay import overlay

    for name in ("cart", "workers"):
        recording = opened(name)
        async with playing(recording, (120, 60)) as (app, pilot):
            await press(pilot, "8", "]", "e")
            for _ in range(3):
                flow, picture = app.cinema.flow.flow, app.picture
                assert flow is not None
                assert picture is not None
                assert picture.shown_frame is not None
                frame = recording.at(picture.seq).frame(picture.shown_frame.id)
                assert frame is not None
                graph = overlay(recording, frame.code.id)
                assert flow.function == frame.function
                counted = sorted(edge.count for block in flow.blocks for edge in block.edges)
                assert counted == sorted(data["count"] for _, _, data in graph.edges(data=True))
                assert sorted(b.count for b in flow.blocks) == sorted(
                    data["count"] for _, data in graph.nodes(data=True)
                )
                assert any("▶" in row for row in text_of(app.cinema.flow))
                await press(pilot, "u")


async def test_a_recording_without_events_shows_that(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = opened("cart")
    monkeypatch.setattr(Recording, "event_count", property(lambda self: 0))
    async with playing(recording, (80, 24)) as (app, pilot):
        keys = [*"snfcSNFCtTudbG", "g", "g", "right", "left", "2", "5", "8", "7", "6", "space"]
        for key in keys:
            await press(pilot, key)
        await press(pilot, ":", *"50%", "enter", "!", "x", "enter", "]", "e")
        assert app.cinema.bar.message
        await press(pilot, "5", "escape")
        assert "no events yet" in text_of(app.cinema.events)[0]
