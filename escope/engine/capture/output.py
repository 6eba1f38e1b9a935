"""What the program writes to stdout and stderr, noticed without replacing the streams.

`sys.stdout` stays the object it is, of the type it is: `write` of the text layer and of the buffer beneath
it get an instance attribute that calls the original and notes the bytes.  Text waiting in the text layer
reaches the buffer later in one piece; that piece is recognised and not noted twice.
On a terminal the prompt of `input` goes from C code to the descriptor; the audit event that `input` raises
before it tells it.  An audit hook cannot be taken away; this one does nothing while nothing is recorded.
Not noticed: other bytes that other processes or C code write to the file descriptors.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from escope.engine.capture import audits

if TYPE_CHECKING:
    from escope.engine.capture.recorder import Recorder


_BUFFERS = (io.BufferedWriter, io.FileIO)
"""What lies beneath the text layer: the raw file itself where the interpreter runs unbuffered."""


_PROMPTS = (str, int, float, bool)
"""Exact types of prompts that can be turned into text without running code of the program."""


class OutputTap:
    """The taps on both streams."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._taps: list[_StreamTap] = []
        self._stdin: Any = None

    def attach(self) -> None:
        """Tap stdout and stderr where they are the interpreter's own text streams."""
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            if type(stream) is io.TextIOWrapper and type(stream.buffer) in _BUFFERS:
                self._taps.append(_StreamTap(self._recorder, number, stream))
        if type(sys.stdin) is io.TextIOWrapper and type(sys.stdin.buffer) is io.BufferedReader:
            self._stdin = sys.stdin
        audits.watch("builtins.input", self._input)
        audits.watch("sys.addaudithook", self._refuse_audits)

    def restore(self) -> None:
        """Take the taps away."""
        audits.forget("builtins.input", self._input)
        audits.forget("sys.addaudithook", self._refuse_audits)
        for tap in self._taps:
            tap.restore()
        self._taps.clear()

    def _refuse_audits(self, arguments: tuple[Any, ...]) -> None:
        """The program is about to watch everything that happens in its process.

        Its hook would be called for what the recorder itself does, and then be recorded doing it, without end.
        """
        self._recorder.detach(
            "the program sets an audit hook, which would see the recorder at work"
        )

    def _input(self, arguments: tuple[Any, ...]) -> None:
        """Note the prompt that `input` is about to write, unless it writes it to `sys.stdout` itself.

        On a terminal it writes it to the C library's stderr, or to its stdout once `readline` is loaded.
        """
        (prompt,) = arguments
        stdin, stdout = sys.stdin, sys.stdout
        if prompt is None or stdin is not self._stdin:
            return
        if not any(tap.stream is stdout for tap in self._taps) or type(prompt) not in _PROMPTS:
            return
        try:
            if (stdin.fileno(), stdout.fileno()) != (0, 1) or not (os.isatty(0) and os.isatty(1)):
                return
            data = str(prompt).encode(stdout.encoding, stdout.errors or "strict")
        except (OSError, ValueError, LookupError):
            return
        if data and b"\0" not in data:
            self._recorder.wrote(1 if "readline" in sys.modules else 2, data)


class _StreamTap:
    def __init__(self, recorder: Recorder, number: int, stream: io.TextIOWrapper) -> None:
        self._recorder = recorder
        self._number = number
        self.stream = stream
        self._buffer = stream.buffer
        self._text_write: Callable[[str], int] = stream.write
        self._buffer_write: Callable[[Any], Any] = stream.buffer.write
        self._waiting = bytearray()
        """Bytes noted at the text layer that have not reached the buffer yet."""
        stream.write = self.write_text  # type: ignore[method-assign]
        stream.buffer.write = self.write_bytes  # type: ignore[method-assign]

    def restore(self) -> None:
        for layer in (self.stream, self._buffer):
            vars(layer).pop("write", None)

    def write_text(self, text: str, /) -> int:
        # The text is encoded as the stream does it, before the write: a failing write notes nothing.
        recorder = self._recorder
        data = b""
        if recorder.on and type(text) is str:
            try:
                data = text.encode(self.stream.encoding, self.stream.errors or "strict")
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
