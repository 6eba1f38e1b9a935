"""What the program writes to stdout and stderr, noticed without replacing the streams.

`sys.stdout` stays the object it is, of the type it is: `write` of the text layer and of the buffer beneath
it get an instance attribute that calls the original and notes the bytes.  Text waiting in the text layer
reaches the buffer later in one piece; that piece is recognised and not noted twice.
Not noticed: bytes that other processes or C code write to the file descriptors.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder


_BUFFERS = (io.BufferedWriter, io.FileIO)
"""What lies beneath the text layer: the raw file itself where the interpreter runs unbuffered."""


class OutputTap:
    """The taps on both streams."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._taps: list[_StreamTap] = []

    def attach(self) -> None:
        """Tap stdout and stderr where they are the interpreter's own text streams."""
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            if type(stream) is io.TextIOWrapper and type(stream.buffer) in _BUFFERS:
                self._taps.append(_StreamTap(self._recorder, number, stream))

    def restore(self) -> None:
        """Take the taps away."""
        for tap in self._taps:
            tap.restore()
        self._taps.clear()


class _StreamTap:
    def __init__(self, recorder: Recorder, number: int, stream: io.TextIOWrapper) -> None:
        self._recorder = recorder
        self._number = number
        self._stream = stream
        self._buffer = stream.buffer
        self._text_write: Callable[[str], int] = stream.write
        self._buffer_write: Callable[[Any], Any] = stream.buffer.write
        self._waiting = bytearray()
        """Bytes noted at the text layer that have not reached the buffer yet."""
        stream.write = self.write_text  # type: ignore[method-assign]
        stream.buffer.write = self.write_bytes  # type: ignore[method-assign]

    def restore(self) -> None:
        for layer in (self._stream, self._buffer):
            vars(layer).pop("write", None)

    def write_text(self, text: str, /) -> int:
        # The text is encoded as the stream does it, before the write: a failing write notes nothing.
        recorder = self._recorder
        data = b""
        if recorder.on and type(text) is str:
            try:
                data = text.encode(self._stream.encoding, self._stream.errors or "strict")
            except (UnicodeError, LookupError):
                data = b""
        self._waiting += data
        try:
            count = self._text_write(text)
        except BaseException:
            del self._waiting[len(self._waiting) - len(data) :]
            raise
        if data:
            recorder.wrote(self._number, data)
        return count

    def write_bytes(self, data: Any, /) -> int:
        count: int = self._buffer_write(data)
        recorder = self._recorder
        if recorder.on:
            written = bytes(memoryview(data).cast("B")[:count])
            if self._waiting and bytes(self._waiting).startswith(written):
                del self._waiting[: len(written)]
            elif written:
                recorder.wrote(self._number, written)
        return count
