from .. import loaded
from .inside import state

loaded.append("deep")
state["by"] = "deep"
