"""`python -m escope`: the same program as `escope`."""

import sys

from escope.cli.main import main

sys.exit(main())
