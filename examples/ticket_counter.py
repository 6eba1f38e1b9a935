"""Sells the seats of a theatre to people who ask at the same time; every request is a task of asyncio.

Symptom: the theatre has 3 seats, and 4 tickets are sold.

    escope record examples/ticket_counter.py && escope open ticket_counter.esr
"""

import asyncio


class Theatre:
    """Seats that are left, and who bought one."""

    def __init__(self, seats):
        self.seats = seats
        self.sold = []

    async def ask_bank(self, person):
        await asyncio.sleep(0)
        return person != "Eve"

    async def buy(self, person):
        if self.seats > 0:
            if await self.ask_bank(person):
                self.seats -= 1
                self.sold.append(person)
                return True
        return False


async def main():
    theatre = Theatre(3)
    people = ["Ann", "Bob", "Eve", "Cleo", "Dan"]
    bought = await asyncio.gather(*(theatre.buy(person) for person in people))
    for person, got in zip(people, bought):
        print(person, "has a seat" if got else "has to go home")
    if theatre.seats < 0:
        raise SystemExit(f"sold {len(theatre.sold)} tickets; {theatre.seats} seats are left")


asyncio.run(main())
