"""A client and a server that speak HTTP/1.1 to each other, without a network; a request that is none."""

import h11

client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
request = h11.Request(
    method="POST", target="/form", headers=[("Host", "example"), ("Content-Length", "5")]
)
data = client.send(request) + client.send(h11.Data(data=b"hello")) + client.send(h11.EndOfMessage())
for part in (data[:20], data[20:]):
    server.receive_data(part)
    while True:
        event = server.next_event()
        if event is h11.NEED_DATA:
            break
        print(type(event).__name__)
        if type(event) is h11.EndOfMessage:
            break
headers = [("Transfer-Encoding", "chunked")]
answer = server.send(h11.Response(status_code=200, headers=headers, reason=b"OK"))
answer += server.send(h11.Data(data=b"done")) + server.send(h11.EndOfMessage())
client.receive_data(answer)
while client.their_state is not h11.DONE:
    print(client.next_event())
print(client.states, server.states)
broken = h11.Connection(h11.SERVER)
broken.receive_data(b"NOT HTTP AT ALL\r\n\r\n")
try:
    broken.next_event()
except h11.RemoteProtocolError as error:
    print(error, broken.states)
