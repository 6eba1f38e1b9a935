"""A WSGI application on waitress: four threads serve requests that arrive over real sockets."""

import http.client
import logging
import socket
import threading

from waitress import create_server

# It warns whenever no thread is free at the moment: that depends on the machine.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)

visits = {}
lock = threading.Lock()


def application(environ, start_response):
    path = environ["PATH_INFO"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    with lock:
        visits[path] = visits.get(path, 0) + 1
    if path == "/fail":
        raise RuntimeError("the application fails")
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"part %d\n" % n for n in range(3))
    answer = b"%s %s %d" % (environ["REQUEST_METHOD"].encode(), body[::-1], len(body))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


def ask(port, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, data


def pipelined(port):
    """Two requests in one packet: the second must not be lost."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        request = "GET /%s HTTP/1.1\r\nHost: x\r\n%s\r\n"
        both = request % ("one", "") + request % ("two", "Connection: close\r\n")
        connection.sendall(both.encode())
        received = b""
        while True:
            part = connection.recv(65536)
            if not part:
                break
            received += part
    return received.count(b"HTTP/1.1 200 OK")


def client(port, number, results):
    for turn in range(14):
        status, data = ask(port, "POST", f"/client/{number}", b"x%d" % turn * 200)
        results.append((number, turn, status, len(data)))


def main():
    server = create_server(application, host="127.0.0.1", port=0, threads=4)
    port = server.effective_port
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    results = []
    clients = [threading.Thread(target=client, args=(port, n, results)) for n in range(4)]
    for item in clients:
        item.start()
    for item in clients:
        item.join()
    print(len(results), sorted(results)[:3])
    print(ask(port, "GET", "/stream"))
    print(ask(port, "GET", "/fail")[0])
    print(ask(port, "POST", "/big", b"y" * 300_000)[0])
    print(ask(port, "GET", "/bad", None, **{"Content-Length": "not a number"})[0])
    print(pipelined(port))
    server.trigger.pull_trigger(server.close)
    thread.join(30)
    server.task_dispatcher.shutdown()
    print(thread.is_alive())
    print(sorted(visits.items()))


main()
