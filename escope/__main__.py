"""`python -m escope`: the same program as `escope`."""

import sys

if not getattr(sys.flags, "safe_path", False):
    # The current directory: what lies in it is the program's, and must not stand in for a library.
    del sys.path[0]

from escope.cli.main import main

sys.exit(main())
