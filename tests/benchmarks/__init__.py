"""Tests of the benchmark: that it counts right, not how long anything takes."""
