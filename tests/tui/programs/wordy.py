"""Long containers and a long run."""

rows = list(range(350))
table = {f"key {i}": [i] * 3 for i in range(5)}
total = 0
for row in rows:
    total += row
print(total)
