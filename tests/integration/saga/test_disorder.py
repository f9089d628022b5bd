#!/usr/bin/python3
"""Every event of the saga duplicated and out of order. The exchange reaches no
consumer: the test takes each event from a tap and delivers it itself, some of them
twice, held back and shuffled, while orders are cancelled at random."""
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from disorder import Disorder  # noqa: E402
from stack import Stack, Tap, event_types, eventually  # noqa: E402

ORDERS = 150
ORDER_EVENTS = {t for t in event_types() if t.split(".")[0] in ("order", "stock", "payment", "shipment")}
ORDER_EVENTS.discard("stock.received.v1")
ROUTES = {
    "orders": {"product.upserted.v1", "customer.registered.v1", "shipment.created.v1",
               "shipment.void_refused.v1", "stock.rejected.v1", "stock.released.v1"},
    "inventory": {"product.upserted.v1", "stock.received.v1", "order.placed.v1", "payment.declined.v1",
                  "payment.refunded.v1", "payment.voided.v1", "shipment.created.v1"},
    "payments": {"stock.reserved.v1", "shipment.failed.v1", "shipment.voided.v1"},
    "shipping": {"payment.captured.v1", "order.cancel_requested.v1"},
    "history": ORDER_EVENTS,
    "notifications": {"customer.registered.v1", "order.confirmed.v1", "order.rejected.v1",
                      "order.cancelled.v1"},
}


class DisorderTest(unittest.TestCase):
    def test_every_event_duplicated_and_out_of_order(self):
        seed = random.randrange(1 << 30)
        print(f"seed {seed}", flush=True)
        rng = random.Random(seed)
        stack = Stack("disorder", bindings=False, env={
            "orders-consumer": {"WB_SWEEP_INTERVAL_MS": "200", "WB_SWEEP_REPEAT_MS": "1000"},
            "payments": {"WB_CHARGE_POLL_MS": "50"},
            "provider-sim": {"WB_SLOW_MS": "300", "WB_FLAKY_CALLS": "1"}})
        disorder = Disorder(stack, seed, ROUTES)
        tap = Tap(stack, event_types(), disorder.on_event)
        tap.start()
        disorder.start()
        stack.start()
        stack.seed({"TEA": 100, "MUG": 10000})
        order_ids = []
        for _ in range(ORDERS):
            lines = rng.choice(({"MUG": 1}, {"TEA": 1}, {"MUG": 2, "TEA": 2}))
            method = rng.choice(("pm_ok", "pm_ok", "pm_ok", "pm_declined", "pm_slow", "pm_flaky"))
            order_ids.append(stack.order(lines, method, rng.choice(("GB", "GB", "GB", "ZZ"))))
            if rng.random() < 0.5:
                stack.cancel(rng.choice(order_ids[-5:]))
        stack.await_all(order_ids, 240)
        eventually(lambda: disorder.is_idle() and stack.is_quiet(), 120, "quiet")
        self.assertGreater(disorder.extra, 0, "the test delivered no duplicates")
        statuses = {s for (s,) in stack.rows("orders", "SELECT DISTINCT status FROM orders")}
        self.assertEqual(statuses, {"CONFIRMED", "REJECTED", "CANCELLED"})
        for queue in ROUTES:
            self.assertEqual(stack.queue_depth(queue + ".dlq"), 0, f"{queue}.dlq")
        invariants.check(stack)
        tap.close()
        self.assertEqual(set(stack.stop().values()), {0})


if __name__ == "__main__":
    unittest.main(verbosity=2)
