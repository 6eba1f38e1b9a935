"""Names and strings that would break a careless display."""

evil = "\x1b[31mred\x1b[0m [bold]not bold[/bold] \u202egnp.exe [link=file:///]x[/]"
lone = "\ud800 \x00 \x07 \x9b31m"
wide = "漢字かな" * 3
table = {evil: [evil], wide: lone, "[/]": ("[red]", b"\x1b[2J")}


class Thing:
    pass


thing = Thing()
setattr(thing, "[bold]attr\x1b[0m", evil)
print(evil.encode("unicode_escape").decode(), flush=True)
print("tab\there \x1b[2J[bold]", flush=True)
raise ValueError(evil)
