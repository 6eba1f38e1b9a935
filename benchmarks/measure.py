"""The measuring: which runs there are, in which order, and what is taken down of each."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import trial
from benchmarks.contenders import (
    DRIVERS,
    ESCOPE,
    PLAIN,
    RECORDING,
    REFERENCE,
    Contender,
    environment,
)
from benchmarks.results import Count, Part, Recording, Results, Samples, Scalar
from benchmarks.suite import EMPTY, IMPORTING, SCALARS, Program, Stage
from benchmarks.trial import Trial, python

OWN = (PLAIN, ESCOPE, REFERENCE)
"""Those whose failure is one of the benchmark; they get more time before it is one."""
_OWN_LIMIT = 180.0
PARTS: tuple[Part, Part] = ("main", "cpu")
RING_TURNS = 10
"""How many times the long run of the scalar programs fills the ring, about."""


@dataclass
class Plan:
    """What is to be measured."""

    programs: Sequence[Program]
    contenders: Sequence[Contender]
    """Without plain."""
    rounds: int
    shrink: int = 1
    """Divides all sizes, for a quick look."""
    limit: float = 60.0
    """Seconds for one run."""
    patience: float = 20.0
    """Seconds that the runs of a rival in one program take before it is not run again."""
    details: bool = True
    """Whether start-up, scalar events and the cost of instrumenting are measured too."""


@dataclass
class Measuring:
    """Runs a plan and fills `results`."""

    plan: Plan
    stage: Stage
    tell: Callable[[str], None]
    results: Results = field(default_factory=Results)
    _checksums: dict[tuple[str, int], str] = field(default_factory=dict)

    def run(self) -> Results:
        """Measure everything and return it."""
        self._prepare()
        recorded = ESCOPE.name in self.results.shares
        for turn in range(self.plan.rounds):
            for program in self.plan.programs:
                self.tell(f"round {turn + 1} of {self.plan.rounds}: {program.name}")
                self._round(program)
        for program in self.plan.programs:
            self.tell(f"counts: {program.name}")
            self._count_lines(program)
            self._count(program)
        if self.plan.details:
            self._startup()
            if recorded:
                self.tell("scalar events")
                self._scalars()
                self.tell("instrumenting")
                self._instrumenting()
        return self.results

    # What takes part

    def _prepare(self) -> None:
        results = self.results
        results.programs = [program.name for program in self.plan.programs]
        results.cpu_bound = {program.name for program in self.plan.programs if program.cpu_bound}
        results.about = {program.name: program.about for program in self.plan.programs}
        results.sample_lines = self.stage.sample_lines
        for contender in (PLAIN, *self.plan.contenders):
            results.versions[contender.name] = contender.version()
            results.about[contender.name] = contender.records
            if results.versions[contender.name] is None:
                continue
            results.shares[contender.name] = max(contender.share, self.plan.shrink)
            for program in self.plan.programs:
                results.sizes[contender.name, program.name] = max(
                    1, program.size // results.shares[contender.name]
                )

    def _present(self) -> list[Contender]:
        return [one for one in self.plan.contenders if one.name in self.results.shares]

    # Runs

    def _round(self, program: Program) -> None:
        """Run one program under everybody, plain Python at each of their sizes."""
        sizes = [self.results.sizes[one.name, program.name] for one in self._present()]
        for size in sorted({*sizes, self.results.sizes[PLAIN.name, program.name]}):
            self._sample(PLAIN, program, size)
        for contender, size in zip(self._present(), sizes, strict=True):
            self._sample(contender, program, size)

    def _sample(self, contender: Contender, program: Program, size: int) -> None:
        key = (contender.name, program.name, size)
        samples = self.results.samples.setdefault(key, Samples())
        tired = contender not in OWN and sum(samples.whole) > self.plan.patience
        if samples.failure is not None or tired:
            return
        with self._folder() as folder:
            done = self._trial(contender, program, size, folder)
            self._take(contender, program, size, samples, done)

    def _trial(self, contender: Contender, program: Program, size: int, folder: Path) -> Trial:
        cache = self.stage.cache(contender.name)
        return self._run(contender, program, size, folder, cache)

    def _run(
        self, contender: Contender, program: Program, size: int, folder: Path, cache: Path
    ) -> Trial:
        command = contender.command(self.stage.script(program), size)
        limit = max(self.plan.limit, _OWN_LIMIT) if contender in OWN else self.plan.limit
        return trial.run(command, folder, environment(contender, self.stage.shared, cache), limit)

    def _take(
        self, contender: Contender, program: Program, size: int, samples: Samples, done: Trial
    ) -> None:
        """Take down one run."""
        samples.failure = self._wrong(contender, program, size, done)
        if samples.failure is not None:
            if contender in OWN:
                self._problem(f"{program.name}, {contender.name}: {samples.failure}")
            return
        assert done.report is not None
        ring = int(done.report["ring"])
        samples.whole.append(done.seconds)
        samples.main.append(float(done.report["seconds"]))
        samples.cpu.append(float(done.report["cpu"]))
        samples.peak.append(int(done.report["peak"]) - ring)
        products = contender.products(done.folder)
        if contender.product is not None:
            samples.bytes = sum(path.stat().st_size for path in products)
        # Failing after the program's own end costs a rival the recording, not its times.
        samples.remark = done.failure or contender.remark(done, products)
        if contender.lines is not None and not samples.remark:
            samples.lines = contender.lines(done, products)
        if contender is ESCOPE:
            self._recording(program, done.folder / RECORDING, ring)
            samples.lines = self.results.recordings[program.name].lines

    def _wrong(self, contender: Contender, program: Program, size: int, done: Trial) -> str | None:
        """Return why a run counts for nothing, or None."""
        if done.failure is not None and (done.report is None or contender in OWN):
            return done.failure
        if done.report is None:
            return "the program did not come to its end"
        checksum = done.checksum
        if checksum not in done.stdout.splitlines():
            return f"{checksum!r} was not printed"
        expected = self._checksums.setdefault((program.name, size), checksum)
        if checksum != expected:
            return f"checksum {checksum!r}, plain {expected!r}"
        return None

    def _recording(self, program: Program, file: Path, ring: int) -> None:
        info = self._info(file)
        self.results.recordings[program.name] = Recording(
            events=info["events"],
            lines=info["kinds"].get("line", 0),
            bytes=info["bytes"],
            dropped=info["dropped"],
            ring=ring,
        )
        if info["dropped"] or info.get("partial"):
            self._problem(
                f"{program.name}: {info['dropped']} events dropped, partial: {info.get('partial')}"
            )
        if info["core"] != ESCOPE.core:
            self._problem(f"{program.name}: recorded by the core {info['core']!r}")

    def _info(self, file: Path) -> dict[str, Any]:
        cache = self.stage.cache(ESCOPE.name)
        done = subprocess.run(
            python("-m", "escope", "info", "--json", str(file)),
            env=environment(ESCOPE, self.stage.shared, cache),
            capture_output=True,
            check=True,
        )
        info: dict[str, Any] = json.loads(done.stdout)
        return info

    # Start-up

    def _startup(self) -> None:
        """Run the empty program; it reports nothing, so only the whole command counts."""
        everybody = (PLAIN, *self._present())
        self.results.startup = {contender.name: Samples() for contender in everybody}
        for turn in range(self.plan.rounds + 2):
            self.tell(f"start-up: round {turn + 1} of {self.plan.rounds + 2}")
            for contender in everybody:
                samples = self.results.startup[contender.name]
                if samples.failure is not None:
                    continue
                with self._folder() as folder:
                    done = self._trial(contender, EMPTY, 0, folder)
                samples.failure = done.failure
                if samples.failure is None:
                    samples.whole.append(done.seconds)

    # Independent counts

    def _count(self, program: Program) -> None:
        """Compare a recording with what trace functions count, the stores at a tenth of the size."""
        recording = self.results.recordings.get(program.name)
        if recording is None:
            return
        full = self.results.sizes[ESCOPE.name, program.name]
        counts = [Count("line", self.results.lines[program.name, full], recording.lines)]
        small = max(1, full // 10)
        census = self._census("all", program, small)
        recorded = self._recorded(program, small)
        counts += [
            Count(what, census.get(what, 0), recorded.get(what, 0))
            for what in ("line", "store", "setattr", "setitem", "call")
        ]
        self.results.counts[program.name] = counts
        for count in counts:
            if count.counted != count.recorded:
                self._problem(
                    f"{program.name}: {count.counted} {count.what} events counted, "
                    f"{count.recorded} recorded"
                )

    def _count_lines(self, program: Program) -> None:
        """Count the lines of a program at the sizes of those that record lines."""
        for contender in self._present():
            if contender.lines is not None or contender is ESCOPE:
                self.results.record_lines.add(contender.name)
                size = self.results.sizes[contender.name, program.name]
                if (program.name, size) not in self.results.lines:
                    counted = self._census("lines", program, size)["line"]
                    self.results.lines[program.name, size] = counted

    def _census(self, what: str, program: Program, size: int) -> dict[str, int]:
        """Return what a trace function counts; it may take as long as it needs."""
        with self._folder() as folder:
            arguments = [what, "counts.json", str(self.stage.script(program)), str(size)]
            command = python(str(DRIVERS / "census.py"), *arguments)
            cache = self.stage.cache(PLAIN.name)
            done = trial.run(command, folder, environment(PLAIN, self.stage.shared, cache), 900)
            if done.failure is not None:
                raise RuntimeError(f"the census of {program.name} failed: {done.failure}")
            counts: dict[str, int] = json.loads((folder / "counts.json").read_text("ascii"))
            return counts

    def _recorded(self, program: Program, size: int) -> dict[str, int]:
        """Return the events per kind of a recording; every (re)entry of a frame as a `call`.

        A store without a value is none of the program's: it says that an inlined comprehension has let go of
        a variable.
        """
        import escope

        with self._folder() as folder:
            done = self._trial(ESCOPE, program, size, folder)
            if done.failure is not None:
                self._problem(f"{program.name} at {size}: {done.failure}")
                return {}
            kinds: dict[str, int] = self._info(folder / RECORDING)["kinds"]
            with escope.open(folder / RECORDING) as recording:
                unbound = sum(event.value is None for event in recording.events(kind="store"))
        kinds["store"] -= unbound
        kinds["call"] += kinds.get("resume", 0)
        return kinds

    # Scalar events

    def _scalars(self) -> None:
        """Measure events that store or pass small integers: in one ring, and in ten."""
        for fits in (True, False):
            for program in SCALARS:
                size = program.size if fits else program.size * RING_TURNS
                for _ in range(self.plan.rounds + 2):
                    self._sample(PLAIN, program, size)
                    self._sample(ESCOPE, program, size)
                self.results.sizes[ESCOPE.name, program.name] = size
                recording = self.results.recordings.pop(program.name, None)
                if recording is not None:
                    self.results.recordings[program.name] = recording
                    costs = [self.results.ns_per_event(program.name, part) for part in PARTS]
                    scalar = Scalar(program.about, recording.events, fits, *costs)
                    self.results.scalars.append(scalar)
                    del self.results.recordings[program.name]

    # Instrumenting

    def _instrumenting(self) -> None:
        """Measure the import of one module: with an empty cache, and with what that has left in it."""
        plain, cold, cached = Samples(), Samples(), Samples()
        served = 0
        for _ in range(self.plan.rounds + 2):
            for samples, contender, fresh in (
                (plain, PLAIN, False),
                (cold, ESCOPE, True),
                (cached, ESCOPE, False),
            ):
                cache = self.stage.cache("instrumenting", fresh=fresh)
                with self._folder() as folder:
                    done = self._run(contender, IMPORTING, 1, folder, cache)
                    if done.main is None:
                        self._problem(f"importing, {contender.name}: {done.failure}")
                        return
                    samples.main.append(done.main)
                    if contender is ESCOPE:
                        modules = self._info(folder / RECORDING).get("modules", {})
                        served = modules.get("cached", 0)
                        if served and fresh:
                            self._problem(f"importing: {served} modules from an empty cache")
        base = plain.seconds("main") or 0.0
        self.results.instrument_cold = (cold.seconds("main") or 0.0) - base
        if served:
            self.results.instrument_cached = (cached.seconds("main") or 0.0) - base

    # Folders, problems

    def _folder(self) -> _Folder:
        return _Folder(self.stage.trial_folder())

    def _problem(self, text: str) -> None:
        self.results.problems.append(text)
        self.tell(text)


class _Folder:
    """A trial's folder, which goes away with what it holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
