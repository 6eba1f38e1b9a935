from __future__ import annotations

from escope.tui.camera import Camera
from escope.tui.messages import Evaluated
from escope.tui.reader import Work
from escope.tui.view import View


def evaluate(camera: Camera, view: View, text: str) -> Work:
    return lambda token: Evaluated(text, "?")
