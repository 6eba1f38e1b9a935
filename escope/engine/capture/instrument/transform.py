"""Instruments a code object with everything nested in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any, Protocol

from escope.engine.capture.instrument import emit_peek, emit_reference
from escope.engine.capture.instrument.identity import identity
from escope.engine.capture.instrument.instructions import UnknownCode, parse
from escope.engine.capture.instrument.plan import make_plan
from escope.engine.capture.instrument.rewrite import rewrite
from escope.engine.capture.instrument.template import (
    ProbeTemplate,
    Refusal,
    Template,
    packed,
    unpacked,
)
from escope.engine.capture.instrument.verify import verify
from escope.engine.capture.roles import Role
from escope.engine.capture.sites import CodeRecord, Site, SiteSpec, fast_names


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
        cached: bool,
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
        constants: tuple[Any, ...],
    ) -> object:
        """Return it; `constants` are those of the code as compiled."""


class JoiningFactory(Protocol):
    """Makes one probe of some that fire one after the other."""

    def __call__(self, probes: tuple[object, ...]) -> object:
        """Return it; `probes` are two or more that find their operands in the frame."""


class Cache(Protocol):
    """Where templates of earlier runs lie."""

    def load(self, name: str) -> bytes | None:
        """Return what was stored under `name`, None if there is nothing sound."""

    def store(self, name: str, content: bytes) -> None:
        """Keep `content` for later runs, if that is possible."""


def instrument_code(
    code: CodeType,
    *,
    module: str,
    source_sha: str,
    table: Table,
    probes: ProbeFactory | None = None,
    peeking: PeekingFactory | None = None,
    joining: JoiningFactory | None = None,
    cache: Cache | None = None,
) -> CodeType:
    """Return `code` with probes, in it and in every code object among its constants.

    The probes are those of `probes`, which are handed their operands, or of `peeking`, which come with `joining`.
    A code object that cannot be rewritten safely stays as it is and is put on record with the reason.
    """
    templates, cached = _templates(code, source_sha, peeking is not None, cache)
    work = _Instrumenting(
        module, source_sha, table, probes, peeking, joining, iter(templates), cached
    )
    return work.done(code, 0)


def _templates(
    code: CodeType, source_sha: str, peeking: bool, cache: Cache | None
) -> tuple[list[Template | Refusal], bool]:
    """The templates of `code` and of what is nested in it, each before those nested in it.

    Beside them stands whether an earlier run made them.
    """
    name = None if cache is None else identity(code, source_sha, peeking)
    if cache is None or name is None:
        return list(_made(code, peeking)), False
    stored = cache.load(name)
    if stored is not None:
        return unpacked(stored), True
    made = list(_made(code, peeking))
    cache.store(name, packed(made))
    return made, False


def _made(code: CodeType, peeking: bool) -> Iterator[Template | Refusal]:
    try:
        yield _template(code, peeking)
    except UnknownCode as reason:
        yield Refusal(str(reason))
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _made(one, peeking)


def _template(code: CodeType, peeking: bool) -> Template:
    body = parse(code)
    plan = make_plan(body)
    emit = emit_peek.emit if peeking else emit_reference.emit
    rewritten = rewrite(plan, emit, fused=peeking)
    made = rewritten.code(code)
    stack_size = verify(body, plan.stacks, rewritten, made)
    probes = [
        None
        if group is None
        else tuple(
            ProbeTemplate(
                insert.role,
                insert.spec,
                insert.extra,
                emit_peek.peek(plan, insert) if peeking else None,
            )
            for insert in group
        )
        for group in rewritten.constants
    ]
    return Template(
        made.co_code, made.co_linetable, made.co_exceptiontable, stack_size, plan.specs, probes
    )


class _Instrumenting:
    """Lays the templates over the code, in the order in which they were made."""

    def __init__(
        self,
        module: str,
        source: str,
        table: Table,
        probes: ProbeFactory | None,
        peeking: PeekingFactory | None,
        joining: JoiningFactory | None,
        templates: Iterator[Template | Refusal],
        cached: bool,
    ) -> None:
        self.module = module
        self.source = source
        self.table = table
        self.probes = probes
        self.peeking = peeking
        self.joining = joining
        self.templates = templates
        self.cached = cached

    def done(self, code: CodeType, parent: int) -> CodeType:
        template = next(self.templates)
        made, number = code, parent
        if isinstance(template, Refusal):
            self.table.skip(self.module, code.co_filename, template.reason, code.co_qualname)
        else:
            made, number = self._one(template, code, parent)
        constants = tuple(
            self.done(one, number) if isinstance(one, CodeType) else one for one in made.co_consts
        )
        if all(a is b for a, b in zip(constants, made.co_consts, strict=True)):
            return made
        return made.replace(co_consts=constants)

    def _one(self, template: Template, code: CodeType, parent: int) -> tuple[CodeType, int]:
        record, sites = self.table.add_code(
            code,
            module=self.module,
            source=self.source,
            variables=fast_names(code)[0],
            parent=parent,
            specs=template.specs,
            cached=self.cached,
        )
        probes = tuple(
            None
            if group is None
            else self._joined([self._probe(one, sites[one.spec], record, code) for one in group])
            for group in template.probes
        )
        return template.laid_over(code, probes), record.id

    def _joined(self, probes: list[object]) -> object:
        if len(probes) == 1:
            return probes[0]
        assert self.joining is not None
        return self.joining(tuple(probes))

    def _probe(
        self, probe: ProbeTemplate, site: Site, record: CodeRecord, code: CodeType
    ) -> object:
        role, _, extra, operands = probe
        if self.peeking is not None:
            assert operands is not None
            return self.peeking(role, site, record, extra, operands, code.co_consts)
        assert self.probes is not None
        return self.probes(role, site, record, extra)
