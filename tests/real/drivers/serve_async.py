"""An ASGI application on hypercorn: asyncio serves HTTP/1.1 requests that arrive over real sockets."""

import asyncio
import socket

from hypercorn.asyncio import serve
from hypercorn.config import Config

log = []


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            log.append(message["type"])
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    path = scope["path"]
    status = 200
    if path.startswith("/missing"):
        status = 404
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"x-path", path.encode())]}
    )
    for part in (b"got %d " % len(body), body[:10]):
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b".", "more_body": False})


async def ask(port, method, path, body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, content = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), content


async def client(port, number):
    answers = []
    for turn in range(10):
        path = f"/missing/{turn}" if turn % 4 == 3 else f"/client/{number}/{turn}"
        answers.append(await ask(port, "POST", path, b"%d-%d " % (number, turn) * (turn + 1)))
    return answers


async def broken(port):
    """A request that is no HTTP, and one whose body never comes in full."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"NOT HTTP AT ALL\r\n\r\n")
    first = (await reader.read()).split(b"\r\n")[0]
    writer.close()
    return first


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.errorlog = None
    stop = asyncio.Event()
    server = asyncio.create_task(serve(application, config, shutdown_trigger=stop.wait))
    for _ in range(200):
        if log:
            break
        await asyncio.sleep(0.01)
    results = await asyncio.gather(*(client(port, number) for number in range(5)))
    print(len(results), [len(r) for r in results])
    print(results[2][5], results[1][3])
    print(await broken(port))
    stop.set()
    await server
    print(log)


asyncio.run(main())
