"""What instrumenting makes of a code object, before anything in it has an id: so it serves every recording.

A template holds no code object.  It is laid over the plain code that it was made for, whose names, constants
and flags stay the ones that the program's own compiler or loader gave it.
"""

from __future__ import annotations

import marshal
from types import CodeType
from typing import Any, NamedTuple

from escope.engine.capture.instrument.emit_peek import Operands
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import Location, SiteSpec
from escope.events import Kind

_ROLES = {role.value: role for role in Role}
_KINDS: dict[int | None, Kind | None] = {None: None, **{kind.value: kind for kind in Kind}}
_FORM = 4
"""Of `marshal`."""


class ProbeTemplate(NamedTuple):
    """A probe that has no site id yet."""

    role: Role
    spec: int
    """Index of its site."""
    extra: Any
    """What the plan knows of the operands: None, a bool, a number, a text, or a tuple of these."""
    operands: Operands | None
    """Where they lie in the frame; None for the core that is handed them."""


class Template(NamedTuple):
    """The rewritten form of one code object."""

    bytecode: bytes
    locations: bytes
    exceptions: bytes
    stack_size: int
    specs: list[SiteSpec]
    probes: list[tuple[ProbeTemplate, ...] | None]
    """What follows the original constants: probes that fire as one; None stands for None itself."""

    def laid_over(self, code: CodeType, probes: tuple[object, ...]) -> CodeType:
        """`code`, which this was made for, rewritten, with `probes` behind its constants."""
        return code.replace(
            co_code=self.bytecode,
            co_linetable=self.locations,
            co_exceptiontable=self.exceptions,
            co_stacksize=self.stack_size,
            co_consts=code.co_consts + probes,
        )


class Refusal(NamedTuple):
    """Why a code object stays as it is."""

    reason: str


def packed(templates: list[Template | Refusal]) -> bytes:
    """The templates as bytes: plain tuples, numbers and texts in `marshal`'s form."""
    return marshal.dumps([_plain(one) for one in templates], _FORM)


def unpacked(data: bytes) -> list[Template | Refusal]:
    """The templates that `packed` gave; only for bytes that are known to come from there."""
    return [
        Refusal(one) if isinstance(one, str) else _template(*one) for one in marshal.loads(data)
    ]


def _plain(one: Template | Refusal) -> Any:
    if isinstance(one, Refusal):
        return one.reason
    specs = [
        (None if kind is None else int(kind), *location, name, slot, offset)
        for kind, location, name, slot, offset in one.specs
    ]
    probes = [
        None
        if group is None
        else [
            (probe.role.value, probe.spec, probe.extra, *(probe.operands or ())) for probe in group
        ]
        for group in one.probes
    ]
    return (*one[:4], specs, probes)


def _template(
    bytecode: bytes,
    locations: bytes,
    exceptions: bytes,
    stack_size: int,
    specs: list[Any],
    probes: list[Any],
) -> Template:
    made = [_spec(one) for one in specs], [_group(one) for one in probes]
    return Template(bytecode, locations, exceptions, stack_size, *made)


def _spec(plain: tuple[Any, ...]) -> SiteSpec:
    kind, line, end_line, column, end_column, name, slot, offset = plain
    location = Location(line, end_line, column, end_column)
    return SiteSpec(_KINDS[kind], location, name, slot, offset)


def _group(plain: list[tuple[Any, ...]] | None) -> tuple[ProbeTemplate, ...] | None:
    return None if plain is None else tuple(_probe(*one) for one in plain)


def _probe(role: int, spec: int, extra: Any, *operands: int) -> ProbeTemplate:
    return ProbeTemplate(_ROLES[role], spec, extra, Operands(*operands) if operands else None)
