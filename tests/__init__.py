"""Tests of escope; `oracle/` holds the comparison with an unrecorded run."""
