"""Capture: what happens in the recorded process."""

core_of_parent = ""
"""In a process that another recorded one has started: that one's core, whatever the environment says."""
