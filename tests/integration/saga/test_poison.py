#!/usr/bin/python3
"""Messages that can never be handled end in the right dead-letter queue with their
reason, and their neighbours are not harmed."""
import json
import signal
import sys
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import QUEUES, ROOT, Stack, eventually  # noqa: E402

import pika  # noqa: E402


def example(event_type):
    folder = ROOT / "schema" / "events" / "examples" / event_type
    event = json.loads(sorted(folder.glob("valid-*.json"))[0].read_text())
    event["id"] = str(uuid.uuid4())
    return event


class Poison(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("poison", env={
            service: {"WB_RETRY_BASE_MS": "10", "WB_RETRY_CAP_MS": "50", "WB_MAX_ATTEMPTS": "3"}
            for service in ("inventory", "payments", "shipping", "orders-consumer", "history",
                            "notifications")})
        cls.stack.start()
        cls.stack.seed({"TEA": 1000})

    @classmethod
    def tearDownClass(cls):
        cls.stack.await_quiet()
        # The tests take every queue's dead letters away, and invent an order and a product.
        invariants.check(cls.stack, but={"events.dead": len(QUEUES), "orders.exist": 1, "events.replicas": 1})
        assert set(cls.stack.stop().values()) == {0}

    def publish(self, queue, body, **properties):
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", queue, body, pika.BasicProperties(
            content_type="application/cloudevents+json", delivery_mode=2, **properties), mandatory=True)
        connection.close()

    def dead_letter(self, queue, body, code, attempts):
        """Sends body to queue among good orders, and returns its dead letter."""
        before = self.stack.order({"TEA": 1})
        self.publish(queue, body)
        after = self.stack.order({"TEA": 1})
        letters = eventually(lambda: self.stack.take(queue + ".dlq"), 60, f"a dead letter in {queue}.dlq")
        self.assertEqual(len(letters), 1)
        properties, got = letters[0]
        self.assertEqual(got, body, "the body survives byte by byte")
        headers = properties.headers
        self.assertEqual(headers["waybill-consumer"], queue)
        self.assertEqual(headers["waybill-error-code"], code)
        self.assertEqual(headers["waybill-attempts"], attempts)
        for name in ("waybill-error", "waybill-first-failed-at", "waybill-last-failed-at"):
            self.assertTrue(headers[name], name)
        for order_id in (before, after):
            self.assertEqual(self.stack.await_status(order_id)["status"], "CONFIRMED")
        return headers

    def test_unparsable(self):
        for queue in QUEUES:
            with self.subTest(queue=queue):
                self.dead_letter(queue, b"\xff\xfe not json \x00", "BAD_MESSAGE", 1)

    def test_truncated_json(self):
        self.dead_letter("inventory", json.dumps(example("order.placed.v1")).encode()[:-5], "BAD_MESSAGE", 1)

    def test_unknown_type(self):
        event = example("order.placed.v1")
        event["type"] = "order.teleported.v1"
        headers = self.dead_letter("shipping", json.dumps(event).encode(), "UNKNOWN_TYPE", 1)
        self.assertIn("order.teleported.v1", headers["waybill-error"])

    def test_type_that_this_consumer_does_not_handle(self):
        self.dead_letter("shipping", json.dumps(example("order.placed.v1")).encode(), "UNKNOWN_TYPE", 1)

    def test_schema_violation(self):
        event = example("order.placed.v1")
        event["data"]["order"]["lines"][0]["quantity"] = "two"
        headers = self.dead_letter("inventory", json.dumps(event).encode(), "SCHEMA_VIOLATION", 1)
        self.assertIn("quantity", headers["waybill-error"])

    def test_what_never_comes_is_dead_lettered_after_the_last_attempt(self):
        event = example("order.placed.v1")
        event["subject"] = event["data"]["order"]["order_id"] = str(uuid.uuid4())
        event["data"]["order"]["lines"] = [{"sku": "NEVER-HEARD-OF", "name": "Nothing", "quantity": 1,
                                            "unit_price_minor": 1}]
        headers = self.dead_letter("inventory", json.dumps(event).encode(), "NOT_YET", 3)
        self.assertIn("NEVER-HEARD-OF", headers["waybill-error"])
        self.assertEqual(self.stack.rows("inventory", "SELECT count(*) FROM inbox WHERE event_id = %s",
                                         (event["id"],)), [(0,)])

    def restart_inventory(self, **env):
        inventory = self.stack.processes["inventory"]
        self.assertEqual(inventory.kill(signal.SIGTERM), 0)
        inventory.start(**env)
        eventually(lambda: self.stack.is_ready("inventory"), 60, "inventory ready")

    def test_what_comes_late_is_handled_in_the_end(self):
        self.restart_inventory(WB_MAX_ATTEMPTS="100")
        self.addCleanup(self.restart_inventory)
        event = example("order.placed.v1")
        order_id = str(uuid.uuid4())
        event["subject"] = event["data"]["order"]["order_id"] = order_id
        event["data"]["order"]["lines"] = [{"sku": "LATE", "name": "Late", "quantity": 1,
                                            "unit_price_minor": 1}]
        self.publish("inventory", json.dumps(event).encode())
        eventually(lambda: self.stack.rows("inventory", "SELECT 1 FROM outbox_deliveries WHERE event_id = %s",
                                           (event["id"],)), 30, "a retry is scheduled")
        product = example("product.upserted.v1")
        product["subject"] = product["data"]["sku"] = "LATE"
        self.publish("inventory", json.dumps(product).encode())
        rejected = eventually(lambda: self.stack.rows(
            "inventory", "SELECT status FROM reservations WHERE order_id = %s", (order_id,)), 30, "it was handled")
        self.assertEqual(rejected, [("REJECTED",)])
        # The rest of the chain does not know this order: its answer is a dead letter.
        letters = eventually(lambda: self.stack.take("orders.dlq"), 60, "orders has never heard of it")
        self.assertEqual(letters[0][0].headers["waybill-error-code"], "NOT_YET")


if __name__ == "__main__":
    unittest.main(verbosity=2)
