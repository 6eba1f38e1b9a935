"""I/O-bound: a server in a thread with clients that ask one thing after the other over a local socket.

For each request the server looks into a file and waits for a millisecond, as for a database; the client
waits for the answer and writes it to a file of its own.
"""

import json
import socket
import tempfile
import threading
import time

import stopwatch

WAIT = 0.001


def write_stock(path):
    """Write the table that the server looks things up in: lines of equal length."""
    with open(path, "w", encoding="ascii") as file:
        for number in range(100):
            file.write(f"{number:03d} {number * number % 89:04d}\n")


def looked_up(file, number):
    file.seek(number * 9)
    return int(file.readline()[4:])


def answer(stock, request):
    """Return the answer to a request."""
    prices = []
    for number in request["items"]:
        prices.append(looked_up(stock, number))  # noqa: PERF401
    return {"id": request["id"], "prices": prices, "total": sum(prices)}


def serve(listener, path):
    connection, _ = listener.accept()
    with connection, connection.makefile("rwb") as stream, open(path, encoding="ascii") as stock:
        for line in stream:
            request = json.loads(line)
            reply = answer(stock, request)
            time.sleep(WAIT)
            stream.write(json.dumps(reply).encode() + b"\n")
            stream.flush()


def ask(stream, number):
    """Send one request; return the total that comes back."""
    items = [(number * 7 + place * 13) % 100 for place in range(5)]
    stream.write(json.dumps({"id": number, "items": items}).encode() + b"\n")
    stream.flush()
    reply = json.loads(stream.readline())
    if reply["id"] != number:
        raise ValueError(f"answer to {reply['id']}, not to {number}")
    return reply["total"]


def main(size):
    checksum = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        path = f"{folder}/stock"
        write_stock(path)
        server = threading.Thread(target=serve, args=(listener, path))
        server.start()
        with (
            socket.create_connection(listener.getsockname()) as connection,
            connection.makefile("rwb") as stream,
            open(f"{folder}/log", "w", encoding="ascii") as log,
        ):
            for number in range(size):
                total = ask(stream, number)
                log.write(f"{number} {total}\n")
                checksum = (checksum * 31 + total) % 1000000007
        server.join()
    return checksum


if __name__ == "__main__":
    stopwatch.run(main)
