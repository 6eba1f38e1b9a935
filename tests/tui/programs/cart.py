"""A shopping cart with discounts."""


class Item:
    def __init__(self, name, price):
        self.name = name
        self.price = price


class Cart:
    def __init__(self, items=[]):
        self.items = items
        self.total = 0

    def add(self, item, count=1):
        for _ in range(count):
            self.items.append(item)
        self.total += item.price * count
        return self

    def discount(self, rate):
        if not 0 <= rate <= 1:
            raise ValueError(f"rate {rate} out of range")
        self.total = round(self.total * (1 - rate), 2)


def checkout(cart, rate):
    try:
        cart.discount(rate)
    except ValueError as error:
        print("no discount:", error)
    for item in cart.items:
        print(f"{item.name:10} {item.price:8.2f}")
    print("total", cart.total)
    return cart.total


def main():
    prices = {"tea": 3.5, "cake": 4.25, "milk": 1.2}
    first = Cart()
    for name, price in prices.items():
        first.add(Item(name, price), 2)
    checkout(first, 0.1)
    second = Cart()
    second.add(Item("book", 12.0))
    checkout(second, 10)


main()
