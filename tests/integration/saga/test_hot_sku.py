#!/usr/bin/python3
"""Three inventories share their queue, with every order about the same SKU, of which
there is too little, and one of them is killed in the midst of it."""
import json
import re
import signal
import sys
import unittest
import urllib.request
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import ROOT, Stack, eventually  # noqa: E402

import pika  # noqa: E402

EXAMPLE = json.loads((ROOT / "schema/events/examples/order.placed.v1/valid-minimal.json").read_text())
ORDERS, MORE, STOCK = 3000, 600, 2000
# Small batches: enough of them that each process has its share.
INVENTORY = {"WB_PREFETCH": "50", "WB_BATCH_MESSAGES": "25"}


class HotSku(unittest.TestCase):
    def handled(self, name):
        port = self.stack.admin_ports[name]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            text = response.read().decode()
        return int(re.search(r'wb_handler_messages_total\{handler="on_order_placed",verdict="ack"\} (\d+)', text)[1])

    def publish(self, n):
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for _ in range(n):
            event = json.loads(json.dumps(EXAMPLE))
            event["id"] = str(uuid.uuid4())
            order = event["data"]["order"]
            event["subject"] = order["order_id"] = str(uuid.uuid4())
            order["lines"] = [{"sku": "HOT", "name": "Hot", "quantity": 1, "unit_price_minor": 1}]
            body = json.dumps(event).encode()
            for _ in range(1 + (ord(event["id"][0]) % 4 == 0)):  # some come twice
                channel.basic_publish("", "inventory", body, pika.BasicProperties(
                    content_type="application/cloudevents+json", delivery_mode=2, message_id=event["id"]))
        connection.close()

    def test_three_processes_on_one_hot_sku(self):
        self.stack = Stack("hot", bindings=False, env={"inventory": INVENTORY})
        names = ["inventory", "inventory-2", "inventory-3"]
        for name in names[1:]:
            self.stack.add("inventory", name)
        with_stock = "INSERT INTO stock (sku, received, on_hand) VALUES ('HOT', %s, %s)"
        self.stack.rows("inventory", with_stock, (STOCK, STOCK))
        self.stack.rows("inventory", "INSERT INTO stock_receipts VALUES (gen_random_uuid(), 'HOT', %s)", (STOCK,))
        self.publish(ORDERS)
        self.stack.start(*names)
        eventually(lambda: self.handled(names[2]) > 100, 60, "the third has begun")
        self.stack.processes[names[2]].kill(signal.SIGKILL)
        self.stack.start(names[2])
        # The others may have done all by now: something for it to do.
        self.publish(MORE)
        orders = ORDERS + MORE
        eventually(lambda: self.stack.rows("inventory", "SELECT count(*) FROM inbox") == [(orders,)], 120,
                   "all are handled")
        eventually(lambda: self.stack.queue_totals()["inventory"] == 0, 60, "all are acked")
        self.assertEqual(dict(self.stack.rows("inventory", "SELECT status, count(*) FROM reservations GROUP BY 1")),
                         {"RESERVED": STOCK, "REJECTED": orders - STOCK})
        self.assertEqual(self.stack.rows("inventory", "SELECT received, on_hand, reserved FROM stock"),
                         [(STOCK, 0, STOCK)])
        self.assertEqual(self.stack.rows("inventory", "SELECT event_type, count(*), count(DISTINCT aggregate_id) "
                                         "FROM outbox_events GROUP BY 1 ORDER BY 1"),
                         [("stock.rejected.v1", orders - STOCK, orders - STOCK), ("stock.reserved.v1", STOCK, STOCK)])
        self.assertEqual(self.stack.rows("inventory", "SELECT count(*) FROM outbox_deliveries"), [(0,)])
        self.assertEqual(invariants.stock_adds_up(self.stack), [])
        for name in names:
            self.assertGreater(self.handled(name), 0, name)
        self.assertEqual(set(self.stack.stop().values()), {0})


if __name__ == "__main__":
    unittest.main(verbosity=2)
