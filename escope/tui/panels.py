"""What the panels beside source and state show, made from the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from escope.events import Kind
from escope.tui.camera import Camera
from escope.tui.messages import CountsReady, DensityReady, EventsReady, OutputReady
from escope.tui.picture import Density, OutputLine
from escope.tui.plain import cut, plain_line, uncoloured
from escope.tui.reader import Token, Work
from escope.tui.widgets.event_list import PAGE

if TYPE_CHECKING:
    from escope.engine.replay.recording import Recording

WRITES_SHOWN = 2_000
"""Writes of the program that the output pane shows, the newest before the position."""
EVENTS_OF_A_BAR = 8
LINE_SHOWN = 1_000
"""Characters of one line of output."""


def counts(recording: Recording, file: str) -> Work:
    """How often each line of `file` ran."""

    def work(token: Token) -> CountsReady:
        events = recording.event_count
        counted = recording.line_counts(file)
        return CountsReady(file, counted, events if recording.event_count == events else -1)

    return work


def events(camera: Camera, page: int) -> Work:
    """A page of the event list."""

    def work(token: Token) -> EventsReady:
        lines = []
        for event in camera.recording.events(page * PAGE, (page + 1) * PAGE):
            token.check()
            lines.append(camera.event_line(event))
        return EventsReady(page, tuple(lines))

    return work


def density(recording: Recording, columns: int) -> Work:
    """The timeline in that many columns, each of equally many events; bars tell how many are calls."""

    def work(token: Token) -> DensityReady:
        total = recording.event_count
        # In a short recording a column holds too few events to be dense or not.
        buckets = max(1, min(columns, total // EVENTS_OF_A_BAR))
        calls = np.asarray(recording.density(buckets, kinds={Kind.CALL, Kind.RESUME}))
        token.check()
        starts = np.arange(columns + 1, dtype=np.int64) * total // columns

        def columns_of(kind: Kind) -> frozenset[int]:
            seqs = recording.marks(kind)
            places = np.searchsorted(starts, seqs[seqs < total], "right") - 1
            return frozenset(np.unique(places).tolist())

        return DensityReady(
            Density(
                events=total,
                columns=tuple(calls[np.arange(columns) * buckets // columns].tolist()),
                starts=tuple(starts.tolist()),
                raises=columns_of(Kind.RAISE),
                outputs=columns_of(Kind.OUTPUT),
                hits=columns_of(Kind.HIT),
            )
        )

    return work


def output(recording: Recording, seq: int) -> Work:
    """What the program had written up to `seq`."""

    def work(token: Token) -> OutputReady:
        seqs = recording.marks(Kind.OUTPUT)
        seqs = seqs[: np.searchsorted(seqs, seq, "right")]
        lines: list[OutputLine] = []
        hidden = len(seqs) - WRITES_SHOWN
        if hidden > 0:
            lines.append(OutputLine(int(seqs[0]), "stdout", f"… {hidden:,} writes before"))
        opened: dict[str, bool] = {}
        for one in seqs[-WRITES_SHOWN:].tolist():
            token.check()
            event = recording.event(one)
            stream = str(event.name)
            value = event.value
            data = value.scalar if value is not None else b""
            text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
            text = uncoloured(text)
            if value is not None and value.label:
                text += f" … ({value.label})"
            _append(lines, opened, one, stream, text, one == seq)
        return OutputReady(seq, tuple(lines))

    return work


def _append(
    lines: list[OutputLine], opened: dict[str, bool], seq: int, stream: str, text: str, now: bool
) -> None:
    """Add one write; it goes on where the last line of its stream was left open."""
    parts = text.replace("\r\n", "\n").split("\n")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if last and not part:
            opened[stream] = False
            break
        shown = cut(plain_line(part), LINE_SHOWN)
        if index == 0 and opened.get(stream) and lines and lines[-1].stream == stream:
            before = lines.pop()
            shown = cut(before.text + shown, LINE_SHOWN)
            lines.append(OutputLine(before.seq, stream, shown, now))
        else:
            lines.append(OutputLine(seq, stream, shown, now))
        opened[stream] = last
