#!/usr/bin/python3
"""The HTTP API against its contract, schema/openapi.yaml, on a whole stack of the shipped
processes: every operation is called, every answer, good or bad, must be as the contract says,
and every status that it promises must have been seen."""
import http.client
import json
import os
import sys
import unittest
import urllib.parse
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from openapi_lint import ROOT, load, operations, resolve, validator  # noqa: E402
from gateway import Gateway  # noqa: E402
from stack import CUSTOMER, SHIP_TO, TERMINAL, Stack, eventually  # noqa: E402
from tokens import ISSUER, Key, write_keys  # noqa: E402

DOCUMENT = load()
OPERATIONS = {operation["operationId"]: (path, method.upper(), operation, parameters)
              for path, method, operation, parameters in operations(DOCUMENT)}
OTHER = "0190a000-0000-7000-8000-000000000002"
NOBODY = "0190a000-0000-7000-8000-0000000000ff"
APIS = ("orders-api", "catalog-api", "customers-api", "history")

# Promised, but not brought about here: (operation, status): where it is.
SEEN_ELSEWHERE = {
    ("placeOrder", "503"): "tests/integration/test_orders_accept.c",
    ("placeOrder", "409"): "a twin in hand: the tests of Idempotency-Key",
    ("receiveStock", "409"): "a twin in hand: the tests of Idempotency-Key",
}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Contract:
    """Calls operations and holds each answer against its description."""

    def __init__(self, ports):
        self.ports, self.seen = ports, set()

    def port(self, operation):
        return self.ports[operation["x-service"]]

    def call(self, name, body=None, token=None, headers=None, raw=None, method=None, port=None, query=None,
             **parameters):
        """An answer that the contract allows. body: JSON, or raw: bytes. parameters: those of the
        path."""
        path, verb, operation, described = OPERATIONS[name]
        for parameter in described:
            if parameter["in"] == "path":
                value = parameters.pop(parameter["name"], parameter["example"])
                path = path.replace("{%s}" % parameter["name"], urllib.parse.quote(str(value), safe=""))
        assert not parameters, parameters
        if query:
            path += "?" + urllib.parse.urlencode(query)
        all_headers = dict(headers or {})
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            all_headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port(operation), timeout=60)
        try:
            connection.request(method or verb, path, body=raw, headers=all_headers)
            response = connection.getresponse()
            text = response.read()
            answer = Answer(response.status, response.headers, text.decode())
        finally:
            connection.close()
        if method is None or method == verb:
            self.check(name, answer)
        return answer

    def check(self, name, answer):
        operation = OPERATIONS[name][2]
        status = str(answer.status)
        described = operation["responses"]
        if status not in described:
            assert answer.status >= 400, f"{name} answers {status}, which is not promised: {answer.body[:500]}"
            status = "default"
        self.seen.add((name, status))
        self.check_response(f"{name} {answer.status}", resolve(DOCUMENT, described[status]), answer)

    @staticmethod
    def check_response(where, response, answer):
        for header_name, header in response.get("headers", {}).items():
            header = resolve(DOCUMENT, header)
            value = answer.headers[header_name]
            if value is None:
                assert not header.get("required"), f"{where}: no {header_name}"
                continue
            errors = [e.message for e in validator(DOCUMENT, header["schema"]).iter_errors(value)]
            assert not errors, f"{where}: {header_name}: {errors}"
        content = response.get("content", {})
        if not content:
            assert answer.body == "", f"{where}: {answer.body}"
            return
        media = answer.headers["Content-Type"]
        assert media in content, f"{where}: {media} is none of {list(content)}"
        if "json" in media:
            errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"
                      for e in validator(DOCUMENT, content[media]["schema"]).iter_errors(answer.json())]
            assert not errors, f"{where}: {errors}: {answer.body}"
        if media == "application/problem+json":
            assert answer.json()["status"] == answer.status, where


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key = Key("contract")
        keys = Path(os.environ["WB_TEST_RUN"]) / "contract-jwks.json"
        write_keys(keys, cls.key.jwk())
        env = {"WB_AUTH_KEYS": str(keys), "WB_AUTH_ISSUER": ISSUER, "WB_LOOKUP_WAIT_MS": "100"}
        cls.stack = Stack("contract", env={api: env for api in APIS})
        cls.stack.start()
        cls.api = Contract(cls.stack.ports)
        cls.operator = cls.key.token(["operator"])
        cls.customer = cls.key.token(["customer"], CUSTOMER)
        cls.other = cls.key.token(["customer"], OTHER)
        cls.expect(cls.call("registerCustomer", {"customer_id": CUSTOMER, "name": "Ada", "email": "ada@example.org"}),
                   201)
        cls.expect(cls.call("putProduct", {"name": "Tea", "price_minor": 500, "currency": "EUR"}, sku="TEA-100"), 201)
        cls.expect(cls.call("receiveStock", {"quantity": 1000}, sku="TEA-100"), 201)
        eventually(lambda: cls.stack.rows("orders", "SELECT count(*) FROM products")[0][0] == 1 and
                   cls.stack.rows("orders", "SELECT count(*) FROM customers")[0][0] == 1 and
                   cls.stack.rows("inventory", "SELECT sum(received) FROM stock")[0][0] == 1000, 60, "replicas")

    @classmethod
    def tearDownClass(cls):
        statuses = cls.stack.stop()
        assert set(statuses.values()) == {0}, statuses

    @classmethod
    def call(cls, name, body=None, **more):
        more.setdefault("token", cls.operator)
        return cls.api.call(name, body, **more)

    @staticmethod
    def expect(answer, status):
        assert answer.status == status, (answer.status, answer.body)
        return answer

    @staticmethod
    def order(**changes):
        return {"customer_id": CUSTOMER, "lines": [{"sku": "TEA-100", "quantity": 1}], "payment_method": "pm_ok",
                "ship_to": SHIP_TO, **changes}

    def place(self, **more):
        return self.expect(self.call("placeOrder", self.order(**more)), 202).json()["order_id"]

    def ended(self, order_id):
        def check():
            order = self.expect(self.call("getOrder", order_id=order_id), 200).json()
            return order if order["status"] in TERMINAL else None
        return eventually(check, 60, "the order has ended")

    # ---- orders

    def test_placing(self):
        body = OPERATIONS["placeOrder"][2]["requestBody"]["content"]["application/json"]["examples"]["order"]["value"]
        self.expect(self.call("placeOrder", body), 202)
        waited = self.expect(self.call("placeOrder", self.order(), headers={"Prefer": "wait=30"}), 200)
        self.assertIn(waited.json()["status"], TERMINAL)
        self.assertTrue(waited.headers["Location"].endswith(waited.json()["order_id"]))
        unknown = self.expect(self.call("placeOrder", self.order(lines=[{"sku": "NONE", "quantity": 1}])), 422)
        self.assertEqual(unknown.json()["errors"][0]["pointer"], "/lines/0/sku")
        self.expect(self.call("placeOrder", self.order(customer_id=NOBODY)), 422)

    def test_keys(self):
        """Each POST, twice under one key: the same answer; another body: 422."""
        order_id = self.place()
        for name, first, second, parameters in (
                ("placeOrder", self.order(), self.order(payment_method="pm_slow"), {}),
                ("receiveStock", {"quantity": 1}, {"quantity": 2}, {"sku": "TEA-100"}),
                ("registerCustomer", {"name": "A", "email": "a@example.org"}, {"name": "B", "email": "b@example.org"}, {})):
            key = {"Idempotency-Key": f'"{uuid.uuid4()}"'}
            one = self.call(name, first, headers=key, **parameters)
            two = self.call(name, first, headers=key, **parameters)
            self.assertLess(one.status, 300, one.body)
            self.assertEqual((one.status, one.body), (two.status, two.body))
            self.assertEqual(two.headers["Idempotency-Replayed"], "true")
            self.expect(self.call(name, second, headers=key, **parameters), 422)
            self.expect(self.call(name, first, headers={"Idempotency-Key": ""}, **parameters), 400)
        self.ended(order_id)

    def test_reading(self):
        order_id = self.place()
        order = self.ended(order_id)
        self.assertEqual(order["status"], "CONFIRMED", order)
        etag = self.expect(self.call("getOrder", order_id=order_id), 200).headers["ETag"]
        self.expect(self.call("getOrder", order_id=order_id, headers={"If-None-Match": etag}), 304)
        self.expect(self.call("getOrder", order_id=order_id, headers={"Prefer": "wait=1"}), 200)
        for wrong in (NOBODY, "x", "%", "\N{HOT BEVERAGE}"):
            self.expect(self.call("getOrder", order_id=wrong), 404)
            self.expect(self.call("getTimeline", order_id=wrong), 404)
            self.expect(self.call("cancelOrder", order_id=wrong), 404)
            self.expect(self.call("followOrder", order_id=wrong, headers={"Accept": "text/event-stream"}), 404)
        eventually(lambda: self.call("getTimeline", order_id=order_id).status == 200, 60, "its timeline")
        page = self.expect(self.call("listOrders", query={"customer_id": CUSTOMER, "limit": 1}), 200).json()
        self.place()
        page = self.expect(self.call("listOrders", query={"customer_id": CUSTOMER, "limit": 1}), 200).json()
        self.assertIsNotNone(page["next"])
        self.expect(self.call("listOrders", query={"customer_id": CUSTOMER, "cursor": page["next"]}), 200)
        for query in ({}, {"customer_id": "x"}, {"customer_id": CUSTOMER, "limit": 0},
                      {"customer_id": CUSTOMER, "cursor": "x"}):
            self.expect(self.call("listOrders", query=query), 400)

    def test_outcomes(self):
        """Orders that end badly are as the contract says, too."""
        for changes, status in (({"payment_method": "pm_declined"}, "CANCELLED"),
                                ({"ship_to": {**SHIP_TO, "country": "ZZ"}}, "CANCELLED"),
                                ({"lines": [{"sku": "TEA-100", "quantity": 999999}]}, "REJECTED")):
            order = self.ended(self.place(**changes))
            self.assertEqual(order["status"], status)
            self.assertIsNotNone(order["cause"])

    def test_cancelling(self):
        order_id = self.place(payment_method="pm_slow")
        self.expect(self.call("cancelOrder", order_id=order_id), 202)
        self.expect(self.call("cancelOrder", {}, order_id=order_id), 202)
        self.expect(self.call("cancelOrder", {"why": "x"}, order_id=order_id), 422)
        self.expect(self.call("cancelOrder", raw=b"{", order_id=order_id), 400)
        self.expect(self.call("cancelOrder", raw=b"{}", order_id=order_id, headers={"Content-Type": "text/plain"}), 415)
        self.ended(order_id)
        self.expect(self.call("cancelOrder", order_id=order_id), 409)

    def test_following(self):
        order_id = self.place()
        self.ended(order_id)
        stream = self.expect(self.call("followOrder", order_id=order_id, headers={"Accept": "text/event-stream"}), 200)
        events = [dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
                  for event in stream.body.split("\n\n") if "data: " in event]
        last = json.loads(events[-1]["data"])
        self.assertEqual(last["status"], "CONFIRMED")
        order_schema = DOCUMENT["components"]["schemas"]["Order"]
        self.assertEqual([e.message for e in validator(DOCUMENT, order_schema).iter_errors(last)], [])
        self.expect(self.call("followOrder", order_id=order_id,
                              headers={"Accept": "text/event-stream", "Last-Event-ID": events[-1]["id"]}), 204)
        self.expect(self.call("followOrder", order_id=order_id, headers={"Accept": "application/json"}), 406)

    # ---- catalog, customers, history

    def test_catalog(self):
        sku = f"NEW-{uuid.uuid4().hex[:8]}"
        new = OPERATIONS["putProduct"][2]["requestBody"]["content"]["application/json"]["examples"]["tea"]["value"]
        self.expect(self.call("putProduct", new, sku=sku), 201)
        self.expect(self.call("putProduct", new, sku=sku), 200)
        self.expect(self.call("getProduct", sku=sku, token=None), 200)
        self.expect(self.call("getProduct", sku="NONE", token=None), 404)
        self.expect(self.call("getProduct", sku="no sku", token=None), 404)
        self.expect(self.call("putProduct", new, sku="no sku"), 400)
        page = self.expect(self.call("listProducts", query={"limit": 1}, token=None), 200).json()
        self.expect(self.call("listProducts", query={"cursor": page["next"]}, token=None), 200)
        self.expect(self.call("listProducts", query={"limit": 101}, token=None), 400)
        self.expect(self.call("receiveStock", {"quantity": 5}, sku="NONE"), 404)

    def test_customers(self):
        person = {"customer_id": str(uuid.uuid4()), "name": "Grace", "email": "grace@example.org"}
        self.expect(self.call("registerCustomer", person), 201)
        self.expect(self.call("registerCustomer", person), 200)
        self.expect(self.call("registerCustomer", {**person, "name": "Joan"}), 409)
        self.expect(self.call("getCustomer", customer_id=person["customer_id"]), 200)
        self.expect(self.call("getCustomer", customer_id=NOBODY), 404)
        self.expect(self.call("getCustomer", customer_id="x"), 404)

    def test_history(self):
        order_id = self.place()
        self.ended(order_id)

        def is_there():
            page = self.expect(self.call("listCustomerOrders", customer_id=CUSTOMER, query={"limit": 100}), 200).json()
            return order_id in [item["order_id"] for item in page["items"]]
        eventually(is_there, 60, "the history has it")
        self.expect(self.call("listCustomerOrders", customer_id=NOBODY), 200)
        self.expect(self.call("listCustomerOrders", customer_id="x"), 404)
        self.expect(self.call("listCustomerOrders", customer_id=CUSTOMER, query={"status": "LOST"}), 400)
        self.expect(self.call("listCustomerOrders", customer_id=CUSTOMER, query={"status": "CONFIRMED"}), 200)
        page = self.expect(self.call("listCustomerOrders", customer_id=CUSTOMER, query={"limit": 1}), 200).json()
        if page["next"]:
            self.expect(self.call("listCustomerOrders", customer_id=CUSTOMER, query={"cursor": page["next"]}), 200)
        self.expect(self.call("listCustomerOrders", customer_id=CUSTOMER, query={"from": "yesterday"}), 400)
        self.expect(self.call("getTotals"), 200)
        self.expect(self.call("getTotals", query={"from": "2026-02-31"}), 400)

    def test_about(self):
        text = self.expect(self.call("getContract", token=None), 200).body
        self.assertEqual(text, (ROOT / "schema" / "openapi.yaml").read_text())
        page = self.expect(self.call("getDocs", token=None), 200).body
        for name in OPERATIONS:
            self.assertIn(f'id="{name}"', page)
        # It loads nothing, from nowhere.
        self.assertNotRegex(page, r"<script|<link|<img|<iframe|@import|url\(|\ssrc=")

    # ---- what is true of every operation

    def test_who_may(self):
        roles = {"customer": self.other, "catalog": self.key.token(["catalog"]), "operator": self.operator}
        for name, (_, _, operation, _) in OPERATIONS.items():
            body = {} if "requestBody" in operation else None
            accept = {"Accept": "*/*"}
            if not operation["x-roles"]:
                self.assertNotIn(self.call(name, body, token=None, headers=accept).status, (401, 403))
                continue
            self.expect(self.call(name, body, token=None, headers=accept), 401)
            self.expect(self.call(name, body, token="x", headers=accept), 401)
            for role, token in roles.items():
                answer = self.call(name, body, token=token, headers=accept)
                if role not in operation["x-roles"]:
                    self.expect(answer, 403)
                elif role == "operator":
                    self.assertNotIn(answer.status, (401, 403), (name, role))

    def test_bodies(self):
        """What the contract requires is required; what it does not know is refused."""
        for name, (_, _, operation, _) in OPERATIONS.items():
            if "requestBody" not in operation or name == "cancelOrder":
                continue
            content = operation["requestBody"]["content"]["application/json"]
            schema = resolve(DOCUMENT, content["schema"])
            good = resolve(DOCUMENT, next(iter(content["examples"].values())))["value"]
            for field in schema["required"]:
                answer = self.expect(self.call(name, {k: v for k, v in good.items() if k != field}), 422)
                self.assertIn(f"/{field}", [e["pointer"] for e in answer.json()["errors"]])
                for wrong in (None, True, -1, 1.5, "", "\u0007", [], {}, "x" * 3000, 2 ** 63):
                    if not list(validator(DOCUMENT, schema).iter_errors({**good, field: wrong})):
                        continue  # as good as the right one
                    self.expect(self.call(name, {**good, field: wrong}), 422)
            self.expect(self.call(name, {**good, "more": 1}), 422)
            self.expect(self.call(name, raw=b"{"), 400)
            self.expect(self.call(name, raw=b'{"a":1,"a":2}'), 400)
            self.expect(self.call(name, good, headers={"Content-Type": "text/plain"}), 415)
            self.expect(self.call(name, raw=b" " * 70000), 413)

    def test_methods(self):
        """OPTIONS names what the contract has, and everything else is 405."""
        paths = {}
        for name, (path, method, _, _) in OPERATIONS.items():
            paths.setdefault(path, {})[method] = name
        for path, methods in paths.items():
            name = next(iter(methods.values()))
            wanted = set(methods) | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
            allow = self.call(name, method="OPTIONS", token=None).headers["Allow"]
            self.assertEqual(set(allow.split(", ")), wanted, path)
            for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - wanted:
                answer = self.expect(self.call(name, method=method), 405)
                self.assertEqual(answer.headers["Allow"], allow)
                self.api.check_response(path, DOCUMENT["components"]["responses"]["AnyProblem"], answer)

    def test_any_error(self):
        """Errors that belong to no operation."""
        port = self.stack.ports["orders-api"]
        for path, headers, status in (("/nothing", {}, 404), ("/orders/%00", {}, 400),
                                      ("/orders", {"X": "a" * 20000}, 431)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode())
            connection.close()
            self.expect(answer, status)
            self.api.check_response(path, DOCUMENT["components"]["responses"]["AnyProblem"], answer)

    def test_through_the_gateway(self):
        """The paths of the contract are those of the front door; its limit is in the contract."""
        gateway = Gateway(self.stack)
        try:
            for name, (path, _, operation, _) in OPERATIONS.items():
                direct = self.call(name, token=None)
                passed = self.call(name, token=None, port=gateway.port)
                self.assertEqual(direct.status, passed.status, name)
        finally:
            gateway.stop()
        gateway = Gateway(self.stack, rate=1, burst=1)
        try:
            for name in OPERATIONS:
                eventually(lambda n=name: self.call(n, token=None, port=gateway.port).status == 429, 60, f"{name} 429")
        finally:
            gateway.stop()

    def test_zz_everything_was_seen(self):
        """Last: what the contract promises was brought about."""
        promised = {(name, status) for name, (_, _, operation, _) in OPERATIONS.items()
                    for status in operation["responses"] if status != "default"}
        missing = promised - self.api.seen - set(SEEN_ELSEWHERE)
        self.assertEqual(sorted(missing), [])
        self.assertEqual(sorted(set(SEEN_ELSEWHERE) - promised), [], "not promised any more")


if __name__ == "__main__":
    unittest.main(verbosity=2)
