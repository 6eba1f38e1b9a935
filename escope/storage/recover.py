"""Recovery: makes an archive of a directory whose collector is gone, in a process of its own.

`python -m escope.storage.recover DIR OUT` writes nothing to DIR.  A damaged LMDB file or a mapped file that
shrinks can kill the process that reads it, so this one is expendable.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from escope.config import StorageLimits
from escope.errors import EscopeError, RecordingError
from escope.storage.checkpoint import Checkpoint
from escope.storage.control import Control
from escope.storage.directory import Directory, directory_size, fresh_state
from escope.storage.hot import HotStore
from escope.storage.members import Members
from escope.storage.processes import directory_of, read_manifest, registered, sealed_of
from escope.storage.ring import Ring
from escope.storage.seal import Sealed, seal
from escope.storage.stream import final_words

_EMPTY = 1 << 20
"""Map size of a store that stays empty."""


def recover(path: Path, out: Path) -> None:
    """Write the archive of the recording's directory `path` to `out`; RecordingError if it cannot be read.

    A process whose stream cannot be read is left out, with the reason.
    """
    others = []
    for number in registered(path):
        sealed = sealed_of(path, number)
        target = out.with_name(f"{number}.esr")
        try:
            if sealed.is_file():
                with Members.at(str(sealed)) as members:
                    manifest = json.loads(members.read("manifest.json"))
                others.append(Sealed.of(number, sealed, manifest))
            else:
                others.append(_recovered(directory_of(path, number), target, home=path))
        except (EscopeError, ValueError, OSError) as error:
            others.append(Sealed.broken(number, str(error)))
    _recovered(path, out, others)


def _recovered(
    path: Path, out: Path, others: Sequence[Sealed] = (), *, home: Path | None = None
) -> Sealed:
    """Seal the directory of one process."""
    manifest = read_manifest(path)
    if (path / "hot" / "data.mdb").is_file():
        hot = HotStore(str(path / "hot"), lock=False)
    else:
        # The collector never came to store anything: all there is is in the ring.
        hot = HotStore(f"{out}.hot", writable=True, map_size=_EMPTY)
        hot.begin(fresh_state(StorageLimits().block_rows), Checkpoint())
    directory = Directory(path, hot, home=home)
    with hot.reading() as reader:
        state = reader.state()
    rows = b""
    if (path / "ring").exists():
        ring = Ring.attach(path / "ring", readonly=True)
        if ring.published < state.ring_row or ring.consumed > state.ring_row:
            raise RecordingError(f"{path}: ring and hot store contradict each other")
        rows = ring.read(state.ring_row, ring.capacity)
        ring.close()
    manifest["status"] = "unknown"
    if (path / "control").exists():
        control = Control.attach(path / "control", readonly=True)
        manifest.update(final_words(control))
        control.close()
    sealed = seal(directory, rows, out, manifest, others, sync=False)
    directory.close()
    return sealed


def main(arguments: list[str]) -> int:
    """Recover; prints one line on stderr and returns 3 if that is not possible."""
    path, out = Path(arguments[0]).absolute(), Path(arguments[1]).absolute()
    os.umask(0o077)
    limit = (4 << 30) + 8 * directory_size(path)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        recover(path, out)
    except EscopeError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except Exception as error:
        print(f"{path}: cannot be recovered: {type(error).__name__}: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
