"""Instruments a code object with everything nested in it."""

from __future__ import annotations

from collections.abc import Iterable
from types import CodeType
from typing import Any, Protocol

from escope.engine.capture.instrument import emit_peek, emit_reference
from escope.engine.capture.instrument.instructions import UnknownCode, parse
from escope.engine.capture.instrument.plan import Insert, Plan, make_plan
from escope.engine.capture.instrument.rewrite import rewrite
from escope.engine.capture.instrument.verify import verify
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import CodeRecord, Site, SiteSpec


class Table(Protocol):
    """What the instrumenter needs of the site table."""

    def add_code(
        self,
        code: CodeType,
        *,
        module: str,
        source: str,
        variables: Iterable[str],
        parent: int,
        specs: Iterable[SiteSpec],
    ) -> tuple[CodeRecord, list[Site]]:
        """Give a code object and its sites their ids."""

    def skip(self, module: str, file: str | None, reason: str, qualname: str | None = None) -> None:
        """Put on record what is not traced."""


class ProbeFactory(Protocol):
    """Makes the constant that stands for a probe in the code."""

    def __call__(self, role: Role, site: Site, code: CodeRecord, extra: Any) -> object:
        """Return it; `extra` is what the plan knows of the operands."""


class PeekingFactory(Protocol):
    """Makes a probe that finds its operands in the frame."""

    def __call__(
        self,
        role: Role,
        site: Site,
        code: CodeRecord,
        extra: Any,
        operands: emit_peek.Operands,
    ) -> object:
        """Return it."""


def instrument_code(
    code: CodeType,
    *,
    module: str,
    source_sha: str,
    table: Table,
    probes: ProbeFactory | None = None,
    peeking: PeekingFactory | None = None,
) -> CodeType:
    """Return `code` with probes, in it and in every code object among its constants.

    The probes are those of `probes`, which are handed their operands, or of `peeking`.  A code object that cannot
    be rewritten safely stays as it is and is put on record with the reason.
    """
    return _Transformation(module, source_sha, table, probes, peeking).transformed(code, 0)


class _Transformation:
    def __init__(
        self,
        module: str,
        source: str,
        table: Table,
        probes: ProbeFactory | None,
        peeking: PeekingFactory | None,
    ) -> None:
        self.module = module
        self.source = source
        self.table = table
        self.probes = probes
        self.peeking = peeking

    def transformed(self, code: CodeType, parent: int) -> CodeType:
        try:
            made, number = self._one(code, parent)
        except UnknownCode as reason:
            self.table.skip(self.module, code.co_filename, str(reason), code.co_qualname)
            made, number = code, parent
        constants = tuple(
            self.transformed(one, number) if isinstance(one, CodeType) else one
            for one in made.co_consts
        )
        if all(a is b for a, b in zip(constants, made.co_consts, strict=True)):
            return made
        return made.replace(co_consts=constants)

    def _one(self, code: CodeType, parent: int) -> tuple[CodeType, int]:
        body = parse(code)
        plan = make_plan(body)
        rewritten = rewrite(plan, emit_peek.emit if self.peeking else emit_reference.emit)
        made = rewritten.code(code)
        stack_size = verify(body, plan.stacks, rewritten, made)
        record, sites = self.table.add_code(
            code,
            module=self.module,
            source=self.source,
            variables=plan.variables,
            parent=parent,
            specs=plan.specs,
        )
        probes = tuple(
            None if insert is None else self._probe(plan, insert, sites[insert.spec], record)
            for insert in rewritten.constants
        )
        return made.replace(co_consts=code.co_consts + probes, co_stacksize=stack_size), record.id

    def _probe(self, plan: Plan, insert: Insert, site: Site, record: CodeRecord) -> object:
        if self.peeking is not None:
            return self.peeking(
                insert.role, site, record, insert.extra, emit_peek.peek(plan, insert)
            )
        assert self.probes is not None
        return self.probes(insert.role, site, record, insert.extra)
