"""Is over before a player has its screen."""

for number in range(14):
    print("line", number)
raise SystemExit(3)
