before = 1
broken = before / 0
