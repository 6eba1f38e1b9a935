"""The package of imports.py."""

loaded = ["package"]
