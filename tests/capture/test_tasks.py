"""Tasks of asyncio: made, named, running, waiting, cancelled and done; every event knows its task."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from escope.engine.capture.core import CORE
from escope.engine.replay.recording import Recording
from escope.events import TASK_KINDS, Kind
from tests.capture.recorded import record, scalar

LIVES = """
import asyncio
async def quick():
    return 5
async def failing():
    await asyncio.sleep(0)
    raise ValueError("no")
async def patient():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise
async def never():
    raise AssertionError
async def main():
    done = await asyncio.create_task(quick(), name="quick one")
    print(done, await asyncio.gather(failing(), return_exceptions=True))
    waiting, untouched = asyncio.create_task(patient()), asyncio.create_task(never())
    untouched.cancel("at once")
    await asyncio.sleep(0)
    waiting.set_name("patient one")
    waiting.cancel()
    print([type(e).__name__ for e in await asyncio.gather(waiting, untouched, return_exceptions=True)])
asyncio.run(main())
"""


def _story(recording: Recording, coroutine: str) -> list[str]:
    """What was told of the task of a coroutine, from its making on."""
    events = list(recording.events(kinds=TASK_KINDS))
    (number,) = (e.subject for e in events if e.kind == "task-create" and scalar(e) == coroutine)
    told = []
    for event in events:
        if event.subject == number:
            kind = event.kind.removeprefix("task-")
            told.append(f"{kind} {event.outcome}" if event.outcome else kind)
    return told


def test_a_task_is_made_runs_waits_and_ends(tmp_path: Path) -> None:
    _, recording = record(tmp_path, LIVES)
    with recording:
        assert _story(recording, "quick") == ["create", "switch", "done returned"]
        waited = ["create", "switch", "await", "switch"]
        assert _story(recording, "failing") == [*waited, "done raised"]
        ended = _story(recording, "patient")
        assert [one for one in ended if one != "cancel"] == [*waited, "done cancelled"]
        assert ended.count("cancel") == 1
        ended = _story(recording, "never")
        assert [one for one in ended if one != "cancel"] == ["create", "switch", "done cancelled"]
        assert ended.count("cancel") == 1
        values = {
            event.outcome: event.value
            for event in recording.events(kinds={Kind.TASK_DONE})
            if event.outcome != "returned"
        }
        assert values["cancelled"] is None
        assert values["raised"] is not None
        assert values["raised"].type_name == "ValueError"


def test_a_task_has_the_name_that_it_was_given(tmp_path: Path) -> None:
    _, recording = record(tmp_path, LIVES)
    with recording:
        names: dict[object, list[object]] = {}
        for event in recording.events(kinds=TASK_KINDS):
            names.setdefault(event.subject, []).append(event.name)
        given = {name for told in names.values() for name in told}
        assert {"quick one", "patient one"} <= given
        for told in names.values():
            if "quick one" in told:
                assert set(told) == {"quick one"}
            if "patient one" in told:
                assert told[0] != "patient one"
                assert told[-1] == "patient one"


TURNS = """
import asyncio, threading
def helper(name):
    return name
async def inner(name):
    helper(name)
    await asyncio.sleep(0)
    helper(name)
async def outer(name):
    for _ in range(3):
        await inner(name)
def callback(done):
    helper("callback")
async def main(name):
    tasks = [asyncio.create_task(outer(f"{name}{n}"), name=f"{name}{n}") for n in range(3)]
    tasks[0].add_done_callback(callback)
    async with asyncio.TaskGroup() as group:
        group.create_task(outer(name + "group"), name=name + "group")
    await asyncio.gather(*tasks)
def run(name):
    asyncio.run(main(name))
    helper("after")
threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
helper("after")
"""


def test_every_event_knows_its_task(tmp_path: Path) -> None:
    _, recording = record(tmp_path, TURNS, settled=False)
    with recording:
        names = {e.subject: e.name for e in recording.events(kinds={Kind.TASK_SWITCH})}
        seen = set()
        for event in recording.events(kinds={Kind.CALL}):
            if event.function == "helper":
                name = event.arguments["name"].scalar
                assert names.get(event.task) == (None if name in ("callback", "after") else name)
                seen.add(name)
        assert len(seen) == 10
        for event in recording.events(kinds={Kind.RESUME, Kind.YIELD, Kind.RETURN}):
            if event.function in ("inner", "outer"):
                assert event.task is not None


CUT_SHORT = """
import asyncio, sys
def helper(name):
    return name
async def main():
    helper("inside")
    raise SystemExit(0)
async def other():
    helper("other")
    await asyncio.sleep(0)
    raise KeyboardInterrupt
for coroutine in (main, other):
    try:
        asyncio.run(coroutine())
    except BaseException as error:
        helper(type(error).__name__)
"""


def test_a_loop_that_an_exit_ends_leaves_no_task_behind(tmp_path: Path) -> None:
    _, recording = record(tmp_path, CUT_SHORT)
    with recording:
        tasks = {
            event.arguments["name"].scalar: event.task
            for event in recording.events(kinds={Kind.CALL})
            if event.function == "helper"
        }
    assert tasks["SystemExit"] is None
    assert tasks["KeyboardInterrupt"] is None
    assert tasks["inside"] is not None
    assert tasks["other"] is not None


EAGER = """
import asyncio
def helper(name):
    return name
async def child(name, turns):
    helper(name)
    for _ in range(turns):
        await asyncio.sleep(0)
        helper(name)
    return name
async def parent(name):
    helper(name)
    done = await asyncio.create_task(child(name + " child", 1), name=name + " child")
    helper(name)
    return done
async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    tasks = [asyncio.create_task(parent(n), name=n) for n in ("one", "two")]
    helper("Task-1")
    at_once = asyncio.create_task(child("brief", 0), name="brief")
    helper("Task-1")
    print(await asyncio.gather(*tasks, at_once))
asyncio.run(main())
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks")
def test_an_eager_task_runs_within_the_call_that_makes_it(tmp_path: Path) -> None:
    _, recording = record(tmp_path, EAGER)
    with recording:
        names: dict[int | None, object] = {}
        for event in recording.events(kinds={Kind.TASK_SWITCH, Kind.TASK_DONE}):
            names[event.subject] = event.name
        for event in recording.events(kinds={Kind.CALL}):
            if event.function == "helper":
                assert names[event.task] == event.arguments["name"].scalar
        ends = Counter(e.name for e in recording.events(kinds={Kind.TASK_DONE}))
        for name in ("one", "one child", "two", "two child", "brief", "Task-1"):
            assert ends[name] == 1


FORGOTTEN = """
import asyncio
told = []
async def fails():
    raise ValueError
async def waits():
    pass
def refuses(callback, *arguments, context=None):
    raise OSError
async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: told.append(context["message"]))
    loop.create_task(fails())
    asyncio.Task(fails())
    await asyncio.sleep(0)
    print(told)
    loop.call_soon, coroutine = refuses, waits()
    try:
        asyncio.Task(coroutine)
    except OSError:
        pass
    coroutine.close()
    del loop.call_soon
    print(told)
asyncio.run(main())
"""


@pytest.mark.skipif(CORE == "py", reason="the Python core holds what has no weak references")
def test_a_task_is_let_go_of_as_soon_as_its_last_turn_is_over(tmp_path: Path) -> None:
    # What asyncio says then is what it says unrecorded.
    _, recording = record(tmp_path, FORGOTTEN, ["--include", "asyncio"])
    recording.close()


PYTHON_TASKS = """
import asyncio, sys
sys.modules["_asyncio"] = None
for name in [name for name in sys.modules if name.partition(".")[0] == "asyncio"]:
    del sys.modules[name]
""" + LIVES.replace(
    "import asyncio\n", "import asyncio\nassert asyncio.Task is asyncio.tasks._PyTask\n"
)


def test_tasks_in_python_are_told_like_those_in_c(tmp_path: Path) -> None:
    _, recording = record(tmp_path, PYTHON_TASKS)
    with recording:
        assert _story(recording, "quick") == ["create", "switch", "done returned"]
        assert "done raised" in _story(recording, "failing")
        assert _story(recording, "patient").count("cancel") == 1


IN_PLACE = """
import asyncio
import escope
def helper(name):
    return name
async def main():
    with escope.record("inner.esr"):
        helper("first")
        await asyncio.sleep(0)
        helper("second")
asyncio.run(main())
"""


def test_a_recording_that_begins_within_a_task_knows_it_from_its_next_turn_on(
    tmp_path: Path,
) -> None:
    from tests.launch.recording import run

    (tmp_path / "program.py").write_text(IN_PLACE)
    done = run([sys.executable, "program.py"], tmp_path)
    assert done.status == 0, done
    with Recording.open(tmp_path / "inner.esr") as recording:
        tasks = {
            event.arguments["name"].scalar: event.task
            for event in recording.events(kinds={Kind.CALL})
            if event.function == "helper"
        }
    assert tasks["second"] is not None
