# An application that says which version it is: at once, after a while, and as often as it is asked over a websocket.
import base64
import hashlib
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = open("/app/version").read().strip()
ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
GOING_AWAY = b"\x88\x02\x03\xe9"  # a close frame with status 1001
sockets = set()


class Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/socket":
            return self.talk()
        if self.path == "/slow":
            time.sleep(0.5)
        body = VERSION.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def talk(self):
        key = self.headers["Sec-WebSocket-Key"] + ACCEPT
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        sockets.add(self.connection)
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] == 0x88:
                break
            self.rfile.read(4 + (head[1] & 127))
            answer = VERSION.encode()
            self.wfile.write(bytes([0x81, len(answer)]) + answer)
        sockets.discard(self.connection)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


def leave(*_):
    for connection in list(sockets):
        connection.sendall(GOING_AWAY)
        connection.shutdown(socket.SHUT_WR)
    threading.Timer(0.2, os._exit, [0]).start()


signal.signal(signal.SIGTERM, leave)
Server(("0.0.0.0", 3000), Visit).serve_forever()
