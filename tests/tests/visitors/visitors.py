# Asks for pages all the time until its input ends: over HTTP/1.1 on connections that are kept, with and without TLS, over HTTP/2
# with several requests at once, some that take a while, and over a websocket. A line of its input is the least version that a
# request may be answered with that begins from now on. Writes one document of JSON.
import base64
import http.client
import json
import os
import socket
import ssl
import sys
import threading
from collections import Counter

import h2.config
import h2.connection
import h2.events

least, over, lock = [0], threading.Event(), threading.Lock()
answered, failed, stale, reconnected = Counter(), Counter(), Counter(), [0]
PATIENCE = 30
# What is left of the machine is for the deployments.
PAUSE = 0.005


def seen(kind, status, text, wanted):
    with lock:
        answered[kind] += 1
        if status != 200:
            failed[f"{kind}: status {status}"] += 1
        elif int(text) < wanted:
            stale[kind] += 1


def broken(kind, error):
    with lock:
        failed[f"{kind}: {error!r}"] += 1


def secure():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def http_1(kind, path):
    def connect():
        if kind.startswith("https"):
            connection = http.client.HTTPSConnection("shop.test", context=secure(), timeout=PATIENCE)
            connection._create_connection = lambda _, *more: socket.create_connection(("127.0.0.1", 443), *more)
            return connection
        return http.client.HTTPConnection("127.0.0.1", 80, timeout=PATIENCE)

    connection = connect()
    while not over.is_set():
        wanted = least[0]
        try:
            connection.request("GET", path, headers={"Host": "shop.test" if kind.startswith("https") else "plain.test"})
            answer = connection.getresponse()
            seen(kind, answer.status, answer.read().decode(), wanted)
        except Exception as error:
            broken(kind, error)
            connection = connect()
        over.wait(PAUSE)


class Http2:
    def __init__(self):
        context = secure()
        context.set_alpn_protocols(["h2"])
        self.stream = context.wrap_socket(socket.create_connection(("127.0.0.1", 443), PATIENCE), server_hostname="shop.test")
        assert self.stream.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.open = {}

    def ask(self, path):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", "GET"), (":authority", "shop.test"), (":scheme", "https"), (":path", path)], end_stream=True)
        self.open[stream] = [path, least[0], 0, b""]

    def turn(self):
        self.stream.sendall(self.h2.data_to_send())
        data = self.stream.recv(65535)
        if not data:
            raise ConnectionError("closed")
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.open[event.stream_id][2] = int(dict(event.headers)[":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.open[event.stream_id][3] += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                path, wanted, status, text = self.open.pop(event.stream_id)
                seen("http/2", status, text.decode(), wanted)
                if not over.is_set():
                    self.ask(path)
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                raise ConnectionError(repr(event))


def http_2(paths):
    while not over.is_set():
        try:
            connection = Http2()
            for path in paths:
                connection.ask(path)
            while connection.open:
                connection.turn()
                over.wait(PAUSE)
        except Exception as error:
            broken("http/2", error)


def websocket():
    def connect():
        stream = socket.create_connection(("127.0.0.1", 80), PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        stream.sendall(f"GET /socket HTTP/1.1\r\nHost: plain.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        read = stream.makefile("rb")
        status = read.readline()
        if b" 101 " not in status:
            raise ConnectionError(status)
        while read.readline().strip():
            pass
        return stream, read

    open_now = None
    while not over.is_set():
        try:
            if open_now is None:
                wanted = least[0]
                open_now = connect()
            stream, read = open_now
            stream.sendall(b"\x81\x82\x00\x00\x00\x00hi")
            head = read.read(2)
            if head[:1] == b"\x88":
                # Its server has said that it goes away: what was asked meanwhile is asked of the next one.
                reconnected[0] += 1
                open_now = None
                continue
            if len(head) < 2:
                raise ConnectionError("closed without a word")
            seen("websocket", 200, read.read(head[1]).decode(), wanted)
        except Exception as error:
            broken("websocket", error)
            open_now = None
        over.wait(PAUSE)


visits = [(http_1, "http/1.1", "/")] * 3 + [(http_1, "http/1.1 slow", "/slow")] * 2 + [(http_1, "https/1.1", "/")] * 2
visits += [(http_2, ["/"] * 3 + ["/slow"] * 2), (websocket,)]
visitors = [threading.Thread(target=visit[0], args=visit[1:]) for visit in visits]
for visitor in visitors:
    visitor.start()
for line in sys.stdin:
    least[0] = int(line)
over.set()
for visitor in visitors:
    visitor.join()
print(json.dumps({"answered": answered, "failed": failed, "stale": stale, "reconnected": reconnected[0]}))
