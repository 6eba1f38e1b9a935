"""What a person asks of a recording, checked before anything is started."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from escope.errors import UsageError


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """One run: `target` is the path of a script, or the name of a module with `module`."""

    target: str
    arguments: tuple[str, ...] = ()
    module: bool = False
    output: str | None = None
    force: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    break_when: tuple[str, ...] = field(default=())
    max_size: int | None = None
    """Bytes that the recording may take."""
    children: bool = True
    """Whether processes that the program starts are recorded, too."""

    @property
    def name(self) -> str:
        """What the recording is called where nobody says: the script's stem or the module."""
        if self.module:
            return self.target
        base = os.path.basename(os.path.abspath(self.target))
        return os.path.splitext(base)[0] or base or "recording"

    def check(self) -> None:
        """Raise UsageError, or PredicateError, for what cannot be run."""
        from escope.engine.capture.core import chosen
        from escope.engine.predicate import compile_predicate

        chosen()

        for text in self.break_when:
            compile_predicate(text)
        if self.module:
            return
        if not os.path.exists(self.target):
            raise UsageError(f"there is no script {self.target!r}")
        if not os.access(self.target, os.R_OK):
            raise UsageError(f"the script {self.target!r} cannot be read")
        if self.target.endswith(".pyc"):
            raise UsageError(f"{self.target!r} is compiled code; record its source instead")
