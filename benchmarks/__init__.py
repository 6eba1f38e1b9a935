"""The benchmark of capture: `python benchmarks/capture.py`; see docs/benchmarks.md."""
