"""Driving the running program: which keys go to it, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escope.tui.messages import ProgramStopped
from escope.tui.screens.leave import LeaveScreen

if TYPE_CHECKING:
    from escope.tui.app import Cinema

PAUSING = "pausing before the next line"
RUNNING = "the program is running; s pauses it"
"""What is true only until the program pauses."""
_KINDS = {"step_into": "into", "step_over": "over", "step_out": "out"}


class Driving:
    """Decides between the program and the recording; without a program, always the recording."""

    def __init__(self, app: Cinema) -> None:
        self._app = app

    @property
    def at_the_wheel(self) -> bool:
        """Whether forward keys drive the program: it is there, and the view is at its newest moment."""
        app = self._app
        live = app.live
        if live is None or not live.driven:
            return False
        return app.view.follow or app.view.newest or not app.view.events

    def step(self, action: str) -> bool:
        """Drive the program, if it is to be driven; whether it was."""
        live = self._app.live
        if live is None or not self.at_the_wheel:
            return False
        if action not in _KINDS and action != "resume":
            return False
        app = self._app
        app.set_view(app.view.following(True))
        if action == "resume":
            if live.paused:
                live.session.run()
            else:
                app.say(RUNNING)
        elif live.paused:
            live.session.step(_KINDS[action])
        else:
            live.session.pause()
            app.say(PAUSING)
        return True

    def toggle(self) -> bool:
        """Pause the program or let it run, if it is to be driven; whether it was."""
        live = self._app.live
        if live is None or not self.at_the_wheel:
            return False
        self._app.set_view(self._app.view.following(True))
        if live.paused:
            live.session.run()
        else:
            live.session.pause()
            self._app.say(PAUSING)
        return True

    def words(self) -> dict[str, str]:
        """Hints that are another word while the keys drive the program, by action; empty: no hint."""
        live = self._app.live
        if live is None or not self.at_the_wheel:
            return {"play": "pause"} if self._app.view.playing else {}
        if live.paused:
            return {"play": "run"}
        return {
            "step_into": "pause", "step_over": "", "step_out": "", "resume": "", "play": "pause"
        }  # fmt: skip

    def interrupt(self) -> None:
        """Interrupt the program as its terminal would."""
        live = self._app.live
        if live is not None and live.running:
            live.session.interrupt()
            self._app.say("sent the program an interrupt")
        else:
            self._app.say("the program has ended; q quits")

    def send_predicates(self) -> bool:
        """Give the program the breakpoints and conditions; whether there is a program."""
        app = self._app
        live = app.live
        if live is None or not live.running:
            return False
        texts = [*app.view.predicates]
        texts += [f"{file}:{line}" for file, line in sorted(app.view.breakpoints)]
        live.set_predicates(texts)
        return True

    def quit(self) -> None:
        """Quit; where the program runs, ask what is to become of it."""
        app = self._app
        if app.live is None or not app.live.running:
            app.exit()
            return
        app.push_screen(LeaveScreen(), self._answered)

    def _answered(self, answer: str | None) -> None:
        app = self._app
        live = app.live
        if live is None or answer in (None, "stay"):
            return
        if answer == "leave":
            live.session.leave()
            app.exit()
            return
        app.say("stopping the program", "busy")

        def stop(token: object) -> ProgramStopped:
            live.stop()
            return ProgramStopped()

        app.reader.panels.ask("stop", stop)
