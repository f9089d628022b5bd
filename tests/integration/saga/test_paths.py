#!/usr/bin/python3
"""Each path of the saga on a whole stack, from POST to the terminal status."""
import json
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import ROOT, Stack, Tap, event_types, eventually  # noqa: E402

FORWARD = ["order.placed.v1", "stock.reserved.v1", "payment.captured.v1", "shipment.created.v1",
           "order.confirmed.v1"]


class Paths(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("paths", env={
            "orders-api": {"WB_ORDER_DEADLINE_MS": "600000"},
            "orders-consumer": {"WB_SWEEP_INTERVAL_MS": "50", "WB_SWEEP_REPEAT_MS": "1000"},
            "payments": {"WB_CALL_DEADLINE_MS": "1000", "WB_CHARGE_POLL_MS": "50"},
            "provider-sim": {"WB_SLOW_MS": "1500"}})
        cls.tap = Tap(cls.stack, event_types())
        cls.tap.start()
        cls.stack.start()
        cls.stack.seed({"TEA": 1000, "MUG": 1000, "SOLD-OUT": 0})

    @classmethod
    def tearDownClass(cls):
        cls.stack.await_quiet()
        # The shipment.created that orders must not hear of.
        invariants.check(cls.stack, but={"events.handled": 1})
        cls.emitted_events_match_their_schemas()
        cls.tap.close()
        statuses = cls.stack.stop()
        assert set(statuses.values()) == {0}, f"exit statuses {statuses}"

    @classmethod
    def emitted_events_match_their_schemas(cls):
        emitted = sum(cls.stack.rows(s, "SELECT count(*) FROM outbox_events")[0][0]
                      for s in ("orders", "catalog", "customers", "inventory", "payments", "shipping"))
        eventually(lambda: len(cls.tap.events) >= emitted, 30, "the tap has seen every event")
        stream = cls.stack.logs / "events.jsonl"
        stream.write_text("".join(json.dumps(e) + "\n" for e in cls.tap.events))
        subprocess.run([ROOT / "tests/contracts/events.py", "--stream", stream, "--all-types"], check=True)

    def walk(self, lines, status, types, cause=None, **how):
        order_id = self.stack.order(lines, **how)
        order = self.stack.await_status(order_id)
        self.assertEqual(order["status"], status)
        if cause:
            self.assertEqual(order["cause"]["code"], cause)
        eventually(lambda: set(types) <= set(self.stack.timeline(order_id)), 30,
                   f"{types} in the timeline of {order_id}")
        self.assertEqual(sorted(self.stack.timeline(order_id)), sorted(types))
        self.customer_was_told(order_id, status)
        return order

    def customer_was_told(self, order_id, status):
        words = {"CONFIRMED": "is confirmed", "REJECTED": "could not be accepted", "CANCELLED": "was cancelled"}
        mails = eventually(lambda: [m for m in self.stack.mails.to("ada@example.org")
                                    if order_id in m["Subject"]], 30, f"a mail about {order_id}")
        self.assertEqual([m["Subject"] for m in mails], [f"Your order {order_id} {words[status]}"])

    def test_confirmed(self):
        order = self.walk({"TEA": 2, "MUG": 1}, "CONFIRMED", FORWARD)
        self.assertEqual(order["total_minor"], 1500)
        self.assertIn("tracking_number", order["shipment"])

    def test_out_of_stock(self):
        self.walk({"TEA": 1, "SOLD-OUT": 1}, "REJECTED",
                  ["order.placed.v1", "stock.rejected.v1", "order.rejected.v1"], "OUT_OF_STOCK")

    def test_declined(self):
        self.walk({"TEA": 1}, "CANCELLED",
                  FORWARD[:2] + ["payment.declined.v1", "stock.released.v1", "order.cancelled.v1"],
                  "PAYMENT_DECLINED", payment_method="pm_declined")

    def test_undeliverable(self):
        self.walk({"TEA": 1}, "CANCELLED",
                  FORWARD[:3] + ["shipment.failed.v1", "payment.refunded.v1", "stock.released.v1",
                                 "order.cancelled.v1"], "UNDELIVERABLE", country="ZZ")

    def test_flaky_provider_is_asked_again(self):
        self.walk({"TEA": 1}, "CONFIRMED", FORWARD, payment_method="pm_flaky")

    def test_provider_that_charges_and_never_answers_charges_once(self):
        order = self.walk({"TEA": 1}, "CONFIRMED", FORWARD, payment_method="pm_timeout")
        charge = self.stack.api("provider-sim", "GET", f"/charges/{order['order_id']}")
        self.assertEqual(charge["effects"], 1)
        self.assertGreaterEqual(charge["calls"], 2)

    def test_cancelled_while_the_provider_is_slow(self):
        order_id = self.stack.order({"TEA": 1}, payment_method="pm_slow")
        eventually(lambda: self.stack.rows("payments", "SELECT 1 FROM payments WHERE order_id = %s "
                                           "AND status = 'ATTEMPTING'", (order_id,)), 30, "the charge began")
        self.assertEqual(self.stack.cancel(order_id), 202)
        order = self.stack.await_status(order_id)
        self.assertEqual((order["status"], order["cause"]["code"]), ("CANCELLED", "CUSTOMER_REQUEST"))
        eventually(lambda: "order.cancelled.v1" in self.stack.timeline(order_id))
        self.assertIn("payment.refunded.v1", self.stack.timeline(order_id))

    def test_cancelling_an_ended_order_is_refused(self):
        order_id = self.stack.order({"TEA": 1})
        self.stack.await_status(order_id)
        self.assertEqual(self.stack.cancel(order_id), 409)

    def test_cancellation_after_the_shipment_is_refused_and_confirms(self):
        """orders hears of the cancellation's refusal, but never of the shipment."""
        consumer = self.stack.processes["orders-consumer"]
        self.assertEqual(consumer.kill(15), 0)
        order_id = self.stack.order({"TEA": 1})
        eventually(lambda: self.stack.rows("shipping", "SELECT 1 FROM shipments WHERE order_id = %s",
                                           (order_id,)), 30, "it was shipped")
        self.assertEqual(self.stack.cancel(order_id), 202)
        eventually(lambda: self.stack.rows(
            "shipping", "SELECT 1 FROM outbox_events e WHERE aggregate_id = %s AND event_type = "
            "'shipment.void_refused.v1' AND NOT EXISTS (SELECT FROM outbox_unpublished u "
            "WHERE u.seq = e.seq)", (order_id,)), 30,
            "it was refused")
        for properties, body in self.stack.take("orders"):
            if properties.type != "shipment.created.v1":
                self.redeliver(properties, body)
        self.stack.start("orders-consumer")
        order = self.stack.await_status(order_id)
        self.assertEqual((order["status"], order["cancel_refused"]), ("CONFIRMED", True))

    def redeliver(self, properties, body):
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", "orders", body, properties, mandatory=True)
        connection.close()

    def test_cancelled_before_anything_was_reserved(self):
        """inventory is away: shipping and payments get nothing but their tombstones,
        which the order finds when it comes at last."""
        inventory = self.stack.processes["inventory"]
        self.assertEqual(inventory.kill(15), 0)
        order_id = self.stack.order({"TEA": 1})
        self.assertEqual(self.stack.cancel(order_id), 202)
        eventually(lambda: self.stack.rows("payments", "SELECT 1 FROM payments WHERE order_id = %s "
                                           "AND status = 'VOIDED'", (order_id,)), 30, "payments has its tombstone")
        self.stack.start("inventory")
        self.assertEqual(self.stack.await_status(order_id)["status"], "CANCELLED")
        charges = self.stack.api("provider-sim", "GET", "/charges")["items"]
        self.assertNotIn(order_id, [charge["key"] for charge in charges])

    def test_overdue_order_is_cancelled(self):
        """payments is away, so the order waits; its deadline passes."""
        payments = self.stack.processes["payments"]
        self.assertEqual(payments.kill(15), 0)
        order_id = self.stack.order({"TEA": 1})
        self.stack.rows("orders", "UPDATE orders SET deadline_at = now() WHERE order_id = %s", (order_id,))
        eventually(lambda: self.stack.rows("shipping", "SELECT 1 FROM shipments WHERE order_id = %s",
                                           (order_id,)), 30, "shipping has its tombstone")
        self.stack.start("payments")
        order = self.stack.await_status(order_id)
        self.assertEqual((order["status"], order["cause"]["code"]), ("CANCELLED", "TIMEOUT"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
