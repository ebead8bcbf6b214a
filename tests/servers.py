"""A real HTTP server on 127.0.0.1 that can answer well, badly or not at all."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        server.ranges_asked.append(self.headers.get("Range"))
        self.close_connection = True
        if server.stall.is_set():  # say nothing until the test is over
            server.over.wait(30)
            return
        if server.garbage:
            self.wfile.write(server.garbage)
            return
        if server.status != 200:
            self.send_error(server.status)
            return
        asked, start = self.headers.get("Range"), 0
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.payload):
                self.send_error(416)
                return
        body = server.payload[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.payload) - 1}/{len(server.payload)}")
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body if server.cut_at is None else body[: max(server.cut_at - start, 0)]
        if server.chunked:  # one chunk, whose announced length a cut does not reach
            sent = f"{len(body):x}\r\n".encode() + sent + (b"\r\n0\r\n\r\n" if server.cut_at is None else b"")
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Serves `payload` at every path. The attributes below choose what goes wrong."""

    daemon_threads = True

    def __init__(self, payload: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.payload = payload
        self.status = 200
        self.ranges = True  # answer requests for a range
        self.chunked = False  # send without Content-Length
        self.cut_at: int | None = None  # close the connection after this many bytes of the payload
        self.garbage = b""  # answer this, which is not HTTP
        self.stall, self.over = threading.Event(), threading.Event()
        self.ranges_asked: list[str | None] = []  # the Range header of every request, in order

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/cifar-10-python.tar.gz"


@contextmanager
def serving(payload: bytes):
    """A running `Server`, stopped at the end."""
    server = Server(payload)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
