"""What instrumenting a module costs, afresh and from the code cache: ``python benchmarks/instrumenting.py``.

Modules of the standard library, the first of about 350 lines; afresh and from the cache alternate, and medians are
printed.  Afresh includes writing the entry; reading and compiling the source are not counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from types import CodeType

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[0] = str(REPOSITORY)

from escope.engine.capture.cache import CodeCache  # noqa: E402
from escope.engine.capture.core import CORE, recorder_class  # noqa: E402
from escope.engine.capture.recorder import Recorder  # noqa: E402
from escope.engine.capture.sites import SiteTable  # noqa: E402
from escope.storage.control import Control  # noqa: E402
from escope.storage.ring import Ring  # noqa: E402

MODULES = ("shlex", "json.decoder", "queue", "argparse")
_RING = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the modules that the command line names."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("modules", nargs="*", default=MODULES, metavar="MODULE")
    made.add_argument(
        "--rounds", type=int, default=15, metavar="N", help="runs of each (default 15)"
    )
    options = made.parse_args(arguments)
    print(f"{platform.python_implementation()} {platform.python_version()}, core {CORE}, ms:")
    print(f"{'module':<16}{'lines':>7}{'afresh':>9}{'cached':>9}{'entry kB':>10}")
    for name in options.modules:
        print(_row(name, options.rounds), flush=True)
    return 0


def _row(name: str, rounds: int) -> str:
    spec = find_spec(name)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return f"{name:<16}has no source file"
    source = Path(spec.origin).read_bytes()
    code = compile(source, spec.origin, "exec", dont_inherit=True)
    afresh, cached, size = [], [], 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="escope-benchmark-") as folder:
            cache = CodeCache(os.path.join(folder, "cache"))
            problem = cache.problem()
            assert problem is None, problem
            afresh.append(_seconds(Path(folder, "afresh"), code, name, source, cache))
            cached.append(_seconds(Path(folder, "cached"), code, name, source, cache))
            size = sum(path.stat().st_size for path in Path(cache.folder).glob("*.code"))
    lines = source.count(b"\n")
    times = f"{median(afresh) * 1000:>9.1f}{median(cached) * 1000:>9.1f}"
    return f"{name:<16}{lines:>7,}{times}{size / 1000:>10.1f}"


def _seconds(part: Path, code: CodeType, name: str, source: bytes, cache: CodeCache) -> float:
    """How long one recording in the directory `part` takes to instrument the module."""
    recorder = _recorder(part)
    recorder.cache = cache
    begun = perf_counter()
    recorder.instrument(code, name, source)
    return perf_counter() - begun


def _recorder(part: Path) -> Recorder:
    part.mkdir()
    Ring.create(part / "ring", _RING).close()
    Control.create(part / "control").close()
    table = SiteTable(part)
    table.open()
    control = Control.attach(part / "control")
    return recorder_class()(Ring.attach(part / "ring"), table, control)


if __name__ == "__main__":
    raise SystemExit(main())
