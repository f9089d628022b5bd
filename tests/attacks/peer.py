"""A client that sends any bytes, and the service that it attacks: the shipped orders-api
with a database of its own, one product and one customer."""
import json
import os
import re
import socket
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from stack import CUSTOMER, SHIP_TO, Stack  # noqa: E402

HEAD = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
ORDER = {"customer_id": CUSTOMER, "lines": [{"sku": "TEA", "quantity": 1}], "payment_method": "pm_ok",
         "ship_to": SHIP_TO}


class Target:
    def __init__(self, name, **parameters):
        # What a sanitized build has freed counts as its memory for a while: not too much of it.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4:thread_local_quarantine_size_kb=64"
        self.stack = Stack(name, env={"orders-api": {"ASAN_OPTIONS": asan, **parameters}})
        self.stack.rows("orders", "INSERT INTO products VALUES ('TEA', 'Tea', 500, 'EUR', 1)")
        self.stack.rows("orders", "INSERT INTO customers VALUES (%s, 'Ada', 'ada@example.org')", (CUSTOMER,))
        self.stack.start("orders-api")
        self.port = self.stack.ports["orders-api"]
        self.process = self.stack.processes["orders-api"]

    def stop(self):
        statuses = self.stack.stop()
        assert statuses == {"orders-api": 0}, (statuses, self.process.log.read_text()[-2000:])

    def connect(self, seconds=30, small_window=False):
        s = socket.socket()
        if small_window:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.settimeout(seconds)
        s.connect(("127.0.0.1", self.port))
        return s

    def orders(self):
        return self.stack.rows("orders", "SELECT count(*) FROM orders")[0][0]

    def memory_kib(self):
        status = Path(f"/proc/{self.process.child.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def files(self):
        return len(os.listdir(f"/proc/{self.process.child.pid}/fd"))

    def serves(self, seconds=30):
        """A new client is served; returns how long that took."""
        began = time.monotonic()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/orders?customer_id={CUSTOMER}")
        with urllib.request.urlopen(request, timeout=seconds) as response:
            assert response.status == 200
        return time.monotonic() - began


def post(body, path="/orders", headers="", content_type="application/json"):
    body = body if isinstance(body, bytes) else body.encode()
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n").encode() + body


def get(path, headers=""):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()


def order(**changes):
    """A good body with these members changed."""
    return json.dumps({**ORDER, **changes}, ensure_ascii=False)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def problem(self):
        """Its JSON, if it is as every error must be."""
        assert self.headers.get("content-type") == "application/problem+json", (self.headers, self.body)
        problem = json.loads(self.body)
        assert problem["status"] == self.status and problem["type"] and problem["title"], problem
        return problem


def split_answers(data):
    """Every response in the bytes; none may be followed by anything else. The
    last one is allowed to have no body, as an answer to HEAD has."""
    answers = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        match = HEAD.match(head)
        assert match and end, data[:300]
        status = int(match.group(1))
        lines = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:]]
        headers = {name.lower(): value for name, value in lines}
        if status == 100:
            data = rest
            continue
        length = int(headers.get("content-length", "0"))
        body, data = rest[:length], rest[length:]
        assert len(body) in (0, length), (status, headers, body)
        answers.append(Answer(status, headers, body.decode()))
    return answers


def read_to_end(s):
    data = b""
    try:
        while chunk := s.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def exchange(target, data, more=b""):
    """Sends the bytes, then `more`, and reads until the service closes."""
    with target.connect() as s:
        try:
            s.sendall(data)
            s.sendall(more)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has closed: what it said can still be read
        return split_answers(read_to_end(s))
