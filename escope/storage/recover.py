"""Recovery: makes an archive of a directory whose collector is gone, in a process of its own.

`python -m escope.storage.recover DIR OUT` writes nothing to DIR.  A damaged LMDB file or a mapped file that
shrinks can kill the process that reads it, so this one is expendable.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from escope.config import StorageLimits
from escope.errors import EscopeError, RecordingError
from escope.storage.checkpoint import Checkpoint
from escope.storage.collector import final_words
from escope.storage.control import Control
from escope.storage.directory import Directory, directory_size, fresh_state, read_manifest
from escope.storage.hot import HotStore
from escope.storage.ring import Ring
from escope.storage.seal import seal


def recover(path: Path, out: Path) -> None:
    """Write the archive of the directory `path` to `out`; RecordingError if it cannot be read."""
    manifest = read_manifest(path)
    if (path / "hot" / "data.mdb").is_file():
        hot = HotStore(str(path / "hot"), lock=False)
    else:
        # The collector never came to store anything: all there is is in the ring.
        hot = HotStore(str(out) + ".hot", writable=True)
        hot.begin(fresh_state(StorageLimits().block_rows), Checkpoint())
    directory = Directory(path, hot)
    with hot.reading() as reader:
        state = reader.state()
    rows = b""
    if (path / "ring").exists():
        ring = Ring.attach(path / "ring", readonly=True)
        if ring.published < state.ring_row or ring.consumed > state.ring_row:
            raise RecordingError(f"{path}: ring and hot store contradict each other")
        rows = ring.read(state.ring_row, ring.capacity)
    manifest["status"] = "unknown"
    if (path / "control").exists():
        control = Control.attach(path / "control", readonly=True)
        manifest.update(final_words(control))
        if control.failure:
            manifest["partial"] = control.failure
    seal(directory, rows, out, manifest)


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
