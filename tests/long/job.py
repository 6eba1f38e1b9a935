"""``python -m tests.long.job KIND UNIT CORE SEED``: check one unit with this interpreter; prints the outcome."""

from __future__ import annotations

import json
import os
import sys

from tests.long.kinds import KINDS


def main() -> int:
    """Print the outcome as one line of JSON."""
    kind, unit, core, seed = sys.argv[1:]
    # The oracle's harness takes it from here.
    os.environ["ESCOPE_CORE"] = core
    print(json.dumps(KINDS[kind].check(unit, core, int(seed)).to_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
