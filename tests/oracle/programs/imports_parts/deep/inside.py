from ..stars import hidden

state = {"hidden": hidden}


def describe():
    return f"{__name__}: {sorted(state)}"
