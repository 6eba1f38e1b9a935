"""Three customers fill their carts and pay.

Symptom: Ann buys one apple and Bob two pears, yet Bob is asked to pay for apples as well, and Cleo, who buys
nothing at all, gets the longest bill of the three.

    escope record examples/shopping_carts.py && escope open shopping_carts.esr
"""

PRICES = {"apple": 3, "pear": 5, "melon": 12}


class Cart:
    """What one customer wants to buy."""

    def __init__(self, customer, items=[]):
        self.customer = customer
        self.items = items

    def add(self, name, count=1):
        for _ in range(count):
            self.items.append(name)

    def total(self):
        return sum(PRICES[name] for name in self.items)


def bill(cart):
    lines = [f"{cart.customer} buys {len(cart.items)}:"]
    for name in sorted(set(cart.items)):
        lines.append(f"  {cart.items.count(name)} x {name}")
    lines.append(f"  to pay: {cart.total()}")
    return "\n".join(lines)


def main():
    ann = Cart("Ann")
    ann.add("apple")
    bob = Cart("Bob")
    bob.add("pear", 2)
    cleo = Cart("Cleo")
    for cart in (ann, bob, cleo):
        print(bill(cart))
    expected = {"Ann": 3, "Bob": 10, "Cleo": 0}
    for cart in (ann, bob, cleo):
        if cart.total() != expected[cart.customer]:
            raise SystemExit(f"{cart.customer} should pay {expected[cart.customer]}, not {cart.total()}")


main()
