from types import FrameType
from typing import Any

from escope.config import CaptureLimits
from escope.engine.capture.frames import FrameRecord as _FrameRecord
from escope.engine.capture.frames import ThreadRecord as _ThreadRecord
from escope.engine.capture.objects import Followed as _Followed
from escope.engine.capture.objects import ObjectTable as _ObjectTable
from escope.engine.capture.row_writer import Token

Followed = _Followed
FrameRecord = _FrameRecord
ThreadRecord = _ThreadRecord

class ObjectTable(_ObjectTable):
    def __init__(self, make_anatomy: Any, steady: frozenset[int]) -> None: ...

class Core:
    events: int
    attention: bool
    on: bool
    timed_at: int
    current: ThreadRecord | None
    suspended: dict[int, FrameRecord]
    acts: dict[str, Any]
    """What it leaves to the reference in the middle of an event, by name."""

    def __init__(
        self, limits: CaptureLimits, objects: ObjectTable, string: int, items: int, count: int
    ) -> None: ...
    def connect(
        self,
        recorder: Any,
        ledger: Any,
        checker: Any,
        ring: Any,
        words: memoryview,
        data: memoryview,
        control: memoryview,
    ) -> None: ...
    def value(self, value: Any) -> Token: ...
    def time(self) -> None: ...
    def pass_time(self) -> None: ...
    def settle(self, frame: FrameRecord) -> None: ...
    def flush(self) -> None: ...
    def walk(self, start: Any, operation: str) -> None: ...
    def look_after(self) -> None: ...
    def know_containers(self, types: tuple[Any, ...]) -> None: ...
    def register(self, code: Any) -> None: ...
    def watch(self, watchful: bool, request: int, version: int) -> None: ...
    def new_frame(self, probe: Any) -> FrameRecord: ...
    def forget_thread(self) -> None: ...
    def forked(self) -> None: ...
    def begin_anew(self, objects: ObjectTable) -> None: ...

class Lock:
    def __init__(self, core: Core) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *exception: object) -> None: ...

def make_probe(
    kind: str,
    core: Core,
    recorder: Any,
    act: Any,
    site: int,
    line: int,
    name: str | None,
    slot: int | None,
    code: Any,
    extra: Any,
    at: int,
    first: int,
    count: int,
    depth: int,
    method: bool,
    by_super: bool,
    constant: Any,
) -> Any: ...
def is_probe(constant: object) -> bool: ...
def address(frame: FrameType) -> int: ...
