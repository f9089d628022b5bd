#!/usr/bin/python3
"""Who may do what, on the shipped services: keys, tokens, roles, own orders."""
import json
import os
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from ports import free_port  # noqa: E402
from stack import CUSTOMER, SHIP_TO, Stack, eventually  # noqa: E402
from tokens import AUDIENCE, ISSUER, Key, dev_token, write_keys  # noqa: E402

OTHER = "0190a000-0000-7000-8000-000000000002"
APIS = ("orders-api", "catalog-api", "customers-api", "history")
NOBODY_ID = "0190a000-0000-7000-8000-0000000000ff"

# (service, method, path, body, the roles that may; None = anybody)
ROUTES = [
    ("orders-api", "POST", "/orders", {}, ("customer", "operator")),
    ("orders-api", "GET", f"/orders?customer_id={CUSTOMER}", None, ("customer", "operator")),
    ("orders-api", "GET", f"/orders/{NOBODY_ID}", None, ("customer", "operator")),
    ("orders-api", "POST", f"/orders/{NOBODY_ID}/cancel", None, ("customer", "operator")),
    ("orders-api", "GET", f"/orders/{NOBODY_ID}/events", None, ("customer", "operator")),
    ("history", "GET", "/orders/totals", None, ("operator",)),
    ("catalog-api", "GET", "/products", None, None),
    ("catalog-api", "GET", "/products/TEA", None, None),
    ("catalog-api", "PUT", "/products/TEA", {}, ("catalog", "operator")),
    ("catalog-api", "POST", "/products/TEA/receipts", {}, ("catalog", "operator")),
    ("customers-api", "POST", "/customers", {}, ("customer", "operator")),
    ("customers-api", "GET", f"/customers/{CUSTOMER}", None, ("customer", "operator")),
    ("history", "GET", f"/orders/{NOBODY_ID}/timeline", None, ("customer", "operator")),
    ("history", "GET", f"/customers/{CUSTOMER}/orders", None, ("customer", "operator")),
]


class Auth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key = Key("first")
        cls.keys = Path(os.environ["WB_TEST_RUN"]) / "auth-jwks.json"
        write_keys(cls.keys, cls.key.jwk())
        env = {"WB_AUTH_KEYS": str(cls.keys), "WB_AUTH_ISSUER": ISSUER, "WB_AUTH_RELOAD_MS": "50"}
        cls.stack = Stack("auth", env={api: env for api in APIS})
        cls.stack.start()
        cls.operator = cls.key.token(["operator"])
        cls.customer = cls.key.token(["customer"], CUSTOMER)
        cls.other = cls.key.token(["customer"], OTHER)
        cls.must(201, cls.ask("customers-api", "POST", "/customers", cls.operator,
                              {"customer_id": CUSTOMER, "name": "Ada", "email": "ada@example.org"}))
        cls.must(201, cls.ask("catalog-api", "PUT", "/products/TEA", cls.key.token(["catalog"]),
                              {"name": "Tea", "price_minor": 500, "currency": "EUR"}))
        eventually(lambda: cls.stack.rows("orders", "SELECT count(*) FROM products")[0][0] == 1 and
                   cls.stack.rows("orders", "SELECT count(*) FROM customers")[0][0] == 1, 60, "replicas")

    @classmethod
    def tearDownClass(cls):
        statuses = cls.stack.stop()
        assert set(statuses.values()) == {0}, statuses

    @classmethod
    def ask(cls, service, method, path, token=None, body=None, headers=()):
        """(status, headers, JSON)"""
        request = urllib.request.Request(f"http://127.0.0.1:{cls.stack.ports[service]}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        for name, value in headers:
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.headers, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read())

    @staticmethod
    def must(status, answer):
        assert answer[0] == status, answer
        if status >= 400:
            assert answer[1]["Content-Type"] == "application/problem+json", answer
            assert answer[2]["status"] == status, answer
        return answer[2]

    def order_body(self, customer=CUSTOMER):
        return {"customer_id": customer, "payment_method": "pm_ok", "ship_to": SHIP_TO,
                "lines": [{"sku": "TEA", "quantity": 1}]}

    def place(self, token):
        return self.must(202, self.ask("orders-api", "POST", "/orders", token, self.order_body()))["order_id"]

    def refused(self, token, why=None, headers=()):
        answer = self.ask("orders-api", "GET", f"/orders/{NOBODY_ID}", token, headers=headers)
        self.must(401, answer)
        challenge = answer[1]["WWW-Authenticate"]
        self.assertTrue(challenge.startswith('Bearer realm="waybill"'), challenge)
        self.assertEqual('error="invalid_token"' in challenge, why is not None, challenge)
        if why:
            self.assertIn(why, challenge)
            self.assertIn(why, answer[2]["detail"])

    def test_roles_by_route(self):
        """Past the door, an empty body is 422 and an unknown id 404: neither is 401 or 403."""
        tokens = {"customer": self.customer, "catalog": self.key.token(["catalog"]),
                  "operator": self.operator, "none": self.key.token([]), "unknown": self.key.token(["cook"])}
        for service, method, path, body, roles in ROUTES:
            status = self.ask(service, method, path, None, body)[0]
            self.assertEqual(status == 401, roles is not None, (method, path, status))
            for role, token in tokens.items():
                status, headers, _ = self.ask(service, method, path, token, body)
                allowed = roles is None or role in roles
                self.assertEqual(status == 403, not allowed, (method, path, role, status))
                self.assertNotEqual(status, 401)
                if status == 403:
                    self.assertIn('error="insufficient_scope"', headers["WWW-Authenticate"])

    def test_bad_tokens(self):
        now = int(time.time())
        good = self.key.token(["operator"])
        self.refused(None)
        self.refused("")
        self.refused("abc", "three parts")
        self.refused(good[:-1], "its signature is wrong")
        self.refused(good.rsplit(".", 1)[0] + ".", "its signature is wrong")
        self.refused(self.key.token(["operator"], exp=now - 60), "it has expired")
        self.refused(self.key.token(["operator"], exp=None), "its exp is missing")
        self.refused(self.key.token(["operator"], nbf=now + 600), "it is not valid yet")
        self.refused(self.key.token(["operator"], iss="evil"), "another issuer")
        self.refused(self.key.token(["operator"], aud="shop"), "another audience")
        self.refused(self.key.token(["operator"], sub=None), "its sub is missing")
        self.refused(self.key.token(["operator"], header={"alg": "none"}), "algorithm")
        self.refused(self.key.token(["operator"], header={"kid": "second"}), "its key is not known")
        self.refused(self.key.token(["operator"], header={"crit": ["exp"]}), "critical")
        self.refused(None, headers=[("Authorization", f"Basic {good}")])
        self.refused("x" * 9000, "too long")

    def test_two_authorizations(self):
        import http.client
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.ports["orders-api"], timeout=30)
        connection.putrequest("GET", f"/orders/{NOBODY_ID}")
        connection.putheader("Authorization", f"Bearer {self.operator}")
        connection.putheader("Authorization", f"Bearer {self.operator}")
        connection.endheaders()
        response = connection.getresponse()
        self.assertEqual(response.status, 401)
        self.assertIn("more than one Authorization", response.getheader("WWW-Authenticate"))
        connection.close()

    def test_a_customer_has_own_orders_only(self):
        order_id = self.place(self.customer)
        self.place(self.operator)
        self.must(403, self.ask("orders-api", "POST", "/orders", self.other, self.order_body()))
        self.must(403, self.ask("orders-api", "GET", f"/orders?customer_id={CUSTOMER}", self.other))
        self.must(404, self.ask("orders-api", "GET", f"/orders/{order_id}", self.other))
        self.must(404, self.ask("orders-api", "GET", f"/orders/{order_id}/events", self.other))
        self.must(404, self.ask("orders-api", "POST", f"/orders/{order_id}/cancel", self.other))
        self.must(403, self.ask("history", "GET", f"/customers/{CUSTOMER}/orders", self.other))
        eventually(lambda: self.ask("history", "GET", f"/orders/{order_id}/timeline", self.customer)[0] == 200,
                   60, "its timeline")
        self.must(404, self.ask("history", "GET", f"/orders/{order_id}/timeline", self.other))
        self.must(200, self.ask("history", "GET", f"/orders/{order_id}/timeline", self.operator))
        self.must(200, self.ask("orders-api", "GET", f"/orders/{order_id}", self.customer))
        self.must(200, self.ask("orders-api", "GET", f"/orders/{order_id}", self.operator))
        # Without customer_id: a customer's own; an operator must say whose.
        items = self.must(200, self.ask("orders-api", "GET", "/orders", self.customer))["items"]
        self.assertIn(order_id, [item["order_id"] for item in items])
        self.assertEqual(self.must(200, self.ask("orders-api", "GET", "/orders", self.other))["items"], [])
        self.must(400, self.ask("orders-api", "GET", "/orders", self.operator))
        # Nothing was cancelled by the other one.
        cancel = self.ask("orders-api", "POST", f"/orders/{order_id}/cancel", self.customer)
        self.assertIn(cancel[0], (202, 409))

    def test_a_customer_registers_as_themselves(self):
        subject = "0190a000-0000-7000-8000-000000000003"
        token = self.key.token(["customer"], subject)
        person = {"name": "Grace", "email": "grace@example.org"}
        self.must(403, self.ask("customers-api", "POST", "/customers", token, {"customer_id": OTHER, **person}))
        got = self.must(201, self.ask("customers-api", "POST", "/customers", token, person))
        self.assertEqual(got["customer_id"], subject)
        self.must(200, self.ask("customers-api", "POST", "/customers", token, person))
        self.must(200, self.ask("customers-api", "GET", f"/customers/{subject}", token))
        self.must(404, self.ask("customers-api", "GET", f"/customers/{subject}", self.other))
        self.must(403, self.ask("customers-api", "POST", "/customers", self.key.token(["customer"], "ada"), person))

    def test_keys_are_rotated(self):
        """The next key joins, the first one goes: its tokens, known by then, go with it."""
        keys = self.keys.with_name("rotated-jwks.json")
        first, second = Key("first"), Key("second")
        write_keys(keys, first.jwk())
        process = self.stack.add("orders-api", "orders-api-rotated")
        process.env["WB_AUTH_KEYS"] = str(keys)
        self.stack.start("orders-api-rotated")

        def status(key):
            return self.ask("orders-api-rotated", "GET", f"/orders/{NOBODY_ID}", key.token(["operator"]))[0]

        known = first.token(["operator"])
        for _ in range(2):
            self.must(404, self.ask("orders-api-rotated", "GET", f"/orders/{NOBODY_ID}", known))
        self.assertEqual(status(second), 401)
        write_keys(keys, first.jwk(), second.jwk())
        eventually(lambda: status(second) == 404, 30, "the second key is known")
        self.assertEqual(status(first), 404)
        # A file that is wrong or gone changes nothing.
        keys.write_text('{"keys":[')
        eventually(lambda: "the keys of before stay" in process.log.read_text(), 30, "the warning")
        self.assertEqual(status(second), 404)
        keys.unlink()
        write_keys(keys, second.jwk())
        eventually(lambda: status(first) == 401, 30, "the first key is gone")
        self.must(401, self.ask("orders-api-rotated", "GET", f"/orders/{NOBODY_ID}", known))
        self.assertEqual(status(second), 404)

    def run_api(self, **parameters):
        """(exit status, log) of an orders-api that must not start."""
        process = self.stack.processes["orders-api"]
        env = {**os.environ, **process.env, "WB_ADMIN_LISTEN": "127.0.0.1:0", **parameters}
        done = subprocess.run(process.command, env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    def test_no_keys_no_public_address(self):
        for listen in (f"0.0.0.0:{free_port()}", f"[::]:{free_port()}", f"192.0.2.1:{free_port()}"):
            status, log = self.run_api(WB_AUTH_KEYS="", WB_HTTP_LISTEN=listen)
            self.assertEqual(status, 2, log)
            self.assertIn("WB-CONFIG", log)
            self.assertIn("only a loopback address is allowed", log)

    def test_no_keys_on_loopback_is_said(self):
        process = self.stack.add("orders-api", "orders-api-open")
        process.env["WB_AUTH_KEYS"] = ""
        self.stack.start("orders-api-open")
        self.assertIn("WB-AUTH-OPEN", process.log.read_text())
        self.must(404, self.ask("orders-api-open", "GET", f"/orders/{NOBODY_ID}"))

    def test_keys_on_a_public_address(self):
        process = self.stack.add("orders-api", "orders-api-public")
        process.env["WB_HTTP_LISTEN"] = f"0.0.0.0:{self.stack.ports['orders-api-public']}"
        self.stack.start("orders-api-public")
        self.must(401, self.ask("orders-api-public", "GET", f"/orders/{NOBODY_ID}"))

    def test_wrong_configuration(self):
        for wrong, why in (({"WB_AUTH_ISSUER": ""}, "auth-issuer"),
                           ({"WB_AUTH_KEYS": "/nonexistent/jwks.json"}, "No such file"),
                           ({"WB_AUTH_KEYS": "/proc/self/status"}, "no usable set of keys"),
                           ({"WB_AUTH_AUDIENCE": ""}, "auth-audience")):
            status, log = self.run_api(**wrong)
            self.assertEqual(status, 2, log)
            self.assertIn(why, log)

    def test_dev_token(self):
        """What ./dev token makes fits the keys that ./dev gives to the services."""
        run = self.stack.run
        token = dev_token(run, "--role", "operator", "--seconds", "60")
        process = self.stack.add("orders-api", "orders-api-dev")
        process.env.update(WB_AUTH_KEYS=str(run / "jwks.json"), WB_AUTH_ISSUER="waybill-dev", WB_AUTH_LEEWAY_S="0")
        self.stack.start("orders-api-dev")
        self.must(404, self.ask("orders-api-dev", "GET", f"/orders/{NOBODY_ID}", token))
        self.must(200, self.ask("orders-api-dev", "GET", "/orders", dev_token(run)))
        self.must(403, self.ask("orders-api-dev", "GET", "/orders", dev_token(run, "--role", "catalog")))
        self.must(401, self.ask("orders-api-dev", "GET", "/orders", dev_token(run, "--seconds", "0")))


if __name__ == "__main__":
    assert AUDIENCE == "waybill"
    unittest.main(verbosity=2)
