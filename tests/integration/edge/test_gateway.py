#!/usr/bin/python3
"""The front door: what it limits, what it answers by itself, what it passes on."""
import json
import os
import socket
import sys
import time
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from gateway import Gateway  # noqa: E402
from stack import CUSTOMER, Stack, eventually  # noqa: E402
from tokens import ISSUER, Key, write_keys  # noqa: E402


class Door(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key = Key("gateway")
        keys = Path(os.environ["WB_TEST_RUN"]) / "gateway-jwks.json"
        write_keys(keys, cls.key.jwk())
        cls.stack = Stack("gateway", env={"orders-api": {"WB_AUTH_KEYS": str(keys), "WB_AUTH_ISSUER": ISSUER}})
        cls.stack.start("orders-api")
        cls.gateway = Gateway(cls.stack)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()
        statuses = cls.stack.stop()
        assert set(statuses.values()) == {0}, statuses

    @staticmethod
    def ask(port, path, method="GET", body=None, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, data=body,
                                         headers={k.replace("_", "-"): v for k, v in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def problem(self, status, answer):
        self.assertEqual(answer[0], status, answer)
        self.assertEqual(answer[1]["Content-Type"], "application/problem+json")
        self.assertTrue(answer[1]["X-Request-Id"])
        problem = json.loads(answer[2])
        self.assertEqual(problem["status"], status)
        self.assertNotEqual(problem["title"], "Error")
        return answer

    def test_too_many_requests(self):
        """Beyond rate and burst: 429 with Retry-After; who waits is served again."""
        gateway = Gateway(self.stack, rate=2, burst=10)
        token = self.key.token(["operator"])
        path = f"/orders?customer_id={CUSTOMER}"
        try:
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: self.ask(gateway.port, path, Authorization=f"Bearer {token}"),
                                        range(60)))
            statuses = [answer[0] for answer in answers]
            self.assertGreaterEqual(statuses.count(200), 10)
            self.assertGreater(statuses.count(429), 5)
            self.assertEqual(set(statuses), {200, 429})
            refused = self.problem(429, next(a for a in answers if a[0] == 429))
            self.assertEqual(refused[1]["Retry-After"], "1")
            eventually(lambda: self.ask(gateway.port, path, Authorization=f"Bearer {token}")[0] == 200,
                       60, "served again")
        finally:
            gateway.stop()

    def test_too_many_at_the_same_time(self):
        """Requests that are in hand count, idle connections don't."""
        silent = socket.create_server(("127.0.0.1", 0))
        stack_ports = dict(self.stack.ports, **{"orders-api": silent.getsockname()[1]})
        gateway = Gateway(type("Ports", (), {"ports": stack_ports}), connections=3)
        clients = []
        try:
            for _ in range(3):
                s = socket.create_connection(("127.0.0.1", gateway.port))
                s.sendall(b"GET /orders/x HTTP/1.1\r\nHost: x\r\n\r\n")
                clients.append(s)
                clients.append(silent.accept()[0])  # in hand
            answer = self.problem(429, self.ask(gateway.port, "/orders/x"))
            self.assertEqual(answer[1]["Retry-After"], "1")
            clients[0].close()
            # Not limited any more: then the gateway waits for the silent one.
            eventually(lambda: self.is_passed_on(gateway.port), 30, "one more is passed on")
        finally:
            for s in clients:
                s.close()
            gateway.stop()
            silent.close()

    @staticmethod
    def is_passed_on(port):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.settimeout(1)
            s.sendall(b"GET /orders/x HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                return not s.recv(1)
            except TimeoutError:
                return True

    def test_tokens_pass(self):
        self.problem(401, self.ask(self.gateway.port, f"/orders?customer_id={CUSTOMER}"))
        answer = self.ask(self.gateway.port, "/orders", Authorization=f"Bearer {self.key.token(['customer'], CUSTOMER)}",
                          X_Request_Id="door-1")
        self.assertEqual(answer[0], 200)
        self.assertEqual(answer[1]["X-Request-Id"], "door-1")

    def test_its_own_errors(self):
        self.problem(404, self.ask(self.gateway.port, "/nothing"))
        self.problem(404, self.ask(self.gateway.port, "/metrics"))
        self.problem(404, self.ask(self.gateway.port, "/-/problem"))
        self.problem(413, self.ask(self.gateway.port, "/orders", "POST", b" " * 70000))
        # Nobody is behind this one.
        answer = self.problem(502, self.ask(self.gateway.port, "/products"))
        self.assertEqual(answer[1]["Retry-After"], "1")

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as s:
            s.settimeout(60)
            s.sendall(data)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
        return got

    def test_smuggling(self):
        """Two readers in a row must agree where a request ends."""
        smuggled = b"GET /orders/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        for head in (b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
                     b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                     b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
                     b"Content-Length : 44\r\n\r\n"):
            began = time.monotonic()
            got = self.raw(b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + smuggled)
            self.assertEqual(got.count(b"HTTP/1.1 "), 1, got)
            self.assertNotIn(b"smuggled", got)
            self.assertLess(time.monotonic() - began, 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
