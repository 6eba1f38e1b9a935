"""Two tellers, two threads, pay money into one account at the same time.

Symptom: each pays in 5 times 10, so that 100 should be there in the end.  There is less, though no payment
failed, and every payment is in the journal.

    escope record examples/bank_transfers.py && escope open bank_transfers.esr
"""

import threading
import time

PAYMENTS = 5


class Account:
    """An account and the journal of what was paid in."""

    def __init__(self):
        self.balance = 0
        self.journal = []

    def pay_in(self, amount, teller):
        balance = self.balance
        time.sleep(0.001)  # The form has to be stamped.
        self.balance = balance + amount
        self.journal.append((teller, amount, self.balance))


def teller(name, account):
    for _ in range(PAYMENTS):
        account.pay_in(10, name)


def main():
    account = Account()
    threads = [threading.Thread(target=teller, args=(name, account), name=name) for name in ("Ann", "Bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{len(account.journal)} payments, balance {account.balance}")
    if account.balance != 2 * PAYMENTS * 10:
        raise SystemExit(f"{2 * PAYMENTS * 10 - account.balance} are missing")


main()
