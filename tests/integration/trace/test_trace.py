#!/usr/bin/python3
"""`waybill trace` and `waybill orders stuck` on a whole stack: orders that end in each
way, that wait, are tried again or lie in a dead-letter queue. The tests run in the
order of their numbers."""
import json
import os
import signal
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from ports import free_port  # noqa: E402
from stack import SERVICES, Stack, eventually  # noqa: E402

import pika  # noqa: E402

FORWARD = ["order.placed.v1", "stock.reserved.v1", "payment.captured.v1", "shipment.created.v1",
           "order.confirmed.v1"]
BULK = 20000


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("trace", env={
            "inventory": {"WB_RETRY_BASE_MS": "3600000", "WB_RETRY_CAP_MS": "86400000"},
            "payments": {"WB_CHARGE_POLL_MS": "50"}})
        cls.stack.start()
        cls.stack.seed({"TEA": 1000, "SOLD-OUT": 0})

    @classmethod
    def tearDownClass(cls):
        statuses = cls.stack.stop()
        assert set(statuses.values()) == {0}, f"exit statuses {statuses}"

    # ---- helpers

    def environment(self, **more):
        dsn = {s: self.stack.pg._replace(path="/" + self.stack.database(s)).geturl() for s in SERVICES}
        dsn.update(more.pop("databases", {}))
        return {**os.environ, "WB_DATABASES": " ".join(f"{s}={d}" for s, d in dsn.items()),
                "WB_AMQP_BROKERS": self.stack.brokers(), "WB_WHO": "tester", "TERM": "dumb", **more}

    def run_waybill(self, *args, status=0, **environment):
        run = subprocess.run([self.stack.bin / "waybill", *args], env=self.environment(**environment),
                             capture_output=True, timeout=120)
        self.assertEqual(run.returncode, status, f"{args}: {run.stdout.decode()} {run.stderr.decode()}")
        return run.stdout.decode(), run.stderr.decode()

    def waybill(self, *args, **how):
        return self.run_waybill(*args, **how)[0]

    def trace(self, order_id, **how):
        return json.loads(self.waybill("trace", order_id, "--json", **how))

    def settled(self, order_id):
        """The trace, once everybody knows all of it."""
        def check():
            found = self.trace(order_id)
            return found if not found["expected"] else None
        return eventually(check, 60, f"nothing is expected of {order_id}")

    def ended(self, status, types, lines=None, **how):
        order_id = self.stack.order(lines or {"TEA": 1}, **how)
        self.assertEqual(self.stack.await_status(order_id)["status"], status)
        found = self.settled(order_id)
        self.assertEqual(found["status"], status)
        self.assertEqual([e["type"] for e in found["events"]], types)
        self.assertEqual(found["gaps"], [])
        for event in found["events"]:
            self.assertTrue(event["is_published"] and event["is_in_outbox"])
            self.assertGreater(event["confirmed_at"], event["at"])
            self.assertEqual({c["state"] for c in event["consumers"]}, {"handled"})
        return found

    def consumer(self, trace, event_type, name):
        event, = [e for e in trace["events"] if e["type"] == event_type]
        consumer, = [c for c in event["consumers"] if c["consumer"] == name]
        return event, consumer

    def waiting(self, order_id, kind):
        """The trace, once the first that it expects is of that kind."""
        def check():
            found = self.trace(order_id)
            return found if found["expected"] and found["expected"][0]["kind"] == kind else None
        return eventually(check, 60, f"{order_id} waits for: {kind}")

    def stuck(self, *args, **how):
        return json.loads(self.waybill("orders", "stuck", "--older-than=0s", "--json", *args, **how))

    # ---- orders that end

    def test_1_confirmed(self):
        found = self.ended("CONFIRMED", FORWARD)
        self.assertEqual({s: r["status"] for s, r in found["services"].items()}, {
            "orders": "CONFIRMED", "inventory": "SHIPPED", "payments": "CAPTURED", "shipping": "CREATED",
            "notifications": "SENT"})
        self.assertIsNone(found["compensation"])
        self.assertIsNone(found["cause"])
        self.assertEqual((found["total_minor"], found["currency"]), (500, "EUR"))
        for before, event in zip(found["events"], found["events"][1:]):
            self.assertEqual(event["caused_by"], before["event_id"])
        placed, inventory = self.consumer(found, "order.placed.v1", "inventory")
        self.assertEqual(self.stack.rows("inventory", """SELECT handled_at = %s::timestamptz FROM inbox
            WHERE consumer = 'inventory' AND event_id = %s""", (inventory["handled_at"], placed["event_id"])),
            [(True,)])
        text = self.waybill("trace", found["order_id"].upper())
        self.assertIn(f"Order {found['order_id']}: CONFIRMED\n", text)
        self.assertIn("handled by notifications", text)
        self.assertNotIn("Expected next", text)
        diagram = self.waybill("trace", "--mermaid", found["order_id"])
        self.assertTrue(diagram.startswith("sequenceDiagram\n"))
        for arrow in ("orders->>inventory: order.placed.v1 (", "payments->>shipping: payment.captured.v1 (",
                      "orders->>notifications: order.confirmed.v1 ("):
            self.assertIn(arrow, diagram)

    def test_1_confirm_times(self):
        """By a search of its own: the first batch that has done the event."""
        found = self.ended("CONFIRMED", FORWARD)
        for event in found["events"]:
            self.assertEqual(self.stack.rows(event["service"], """
                SELECT min(b.confirmed_at) = %s::timestamptz FROM outbox_events e JOIN outbox_batches b USING (lane)
                WHERE e.event_id = %s AND (pg_visible_in_snapshot(e.xid, b.done)
                  OR e.xid = b.part_xid AND e.seq <= b.part_seq)""", (event["confirmed_at"], event["event_id"])),
                [(True,)], event)

    def test_2_rejected(self):
        found = self.ended("REJECTED", ["order.placed.v1", "stock.rejected.v1", "order.rejected.v1"],
                           {"TEA": 1, "SOLD-OUT": 1})
        self.assertEqual(found["cause"]["code"], "OUT_OF_STOCK")
        self.assertIsNone(found["compensation"])
        self.assertIn("REJECTED (OUT_OF_STOCK: SOLD-OUT: 1 wanted, 0 on hand)",
                      self.waybill("trace", found["order_id"]))

    def test_3_cancelled_with_a_refund(self):
        found = self.ended("CANCELLED", FORWARD[:3] + [
            "shipment.failed.v1", "payment.refunded.v1", "stock.released.v1", "order.cancelled.v1"], country="ZZ")
        self.assertEqual(found["cause"]["code"], "UNDELIVERABLE")
        undone = found["compensation"]
        self.assertEqual((undone["trigger"], undone["is_over"], undone["money"], undone["goods"]),
                         ("shipment.failed.v1", True, "REFUNDED", "RELEASED"))
        self.assertIn("Taken back, since shipment.failed.v1", self.waybill("trace", found["order_id"]))

    # ---- orders that do not

    def test_4_a_consumer_is_away(self):
        payments = self.stack.processes["payments"]
        self.assertEqual(payments.kill(signal.SIGTERM), 0)
        orders = [self.stack.order({"TEA": 1}) for _ in range(3)]
        for order_id in orders:
            eventually(lambda o=order_id: len([e for e in self.trace(o)["events"] if e["is_published"]]) == 2, 60,
                       "the stock is reserved")
            found = self.waiting(order_id, "handle")
            first = found["expected"][0]
            self.assertEqual((found["status"], first["who"], first["event_type"], first["needs_hand"]),
                             ("PENDING", "payments", "stock.reserved.v1", False))
            self.assertIn("payment.captured.v1", first["answers"])
            event, consumer = self.consumer(found, "stock.reserved.v1", "payments")
            self.assertEqual((consumer["state"], first["since"]), ("waiting", event["confirmed_at"]))
            deadline = [e for e in found["expected"] if e["kind"] == "deadline"]
            self.assertEqual([e["due_at"] for e in deadline], [found["deadline_at"]])
        text = self.waybill("trace", orders[0])
        self.assertIn("not handled by payments yet", text)
        self.assertIn("payments: handle stock.reserved.v1", text)
        self.assertIn("inventory--)payments: stock.reserved.v1, not handled yet",
                      self.waybill("trace", "--mermaid", orders[0]))

        page = self.stuck()
        self.assertEqual([o["order_id"] for o in page["orders"]], orders)
        self.assertIsNone(page["next"])
        for row in page["orders"]:
            self.assertEqual((row["waits_for"], row["who"]), ("handle", "payments"))
            self.assertGreaterEqual(row["since_ms"], 0)
        self.assertEqual(self.stuck("--older-than=1h")["orders"], [])
        seen, after = [], []
        while after is not None:
            page = self.stuck("--limit=1", *after)
            seen += [o["order_id"] for o in page["orders"]]
            after = [f"--after={page['next']}"] if page["next"] else None
        self.assertEqual(seen, orders)
        self.assertIn("handle stock.reserved.v1", self.waybill("orders", "stuck", "--older-than=0s"))

        # A cancellation meanwhile: it is told what is to be undone.
        self.assertEqual(self.stack.cancel(orders[0]), 202)
        found = eventually(lambda: [t for t in [self.trace(orders[0])] if t["compensation"]], 60, "it is undone")[0]
        undone = found["compensation"]
        self.assertEqual((undone["trigger"], undone["is_over"], undone["goods"]),
                         ("shipment.voided.v1", False, "RESERVED"))
        self.assertIsNotNone(found["cancel_requested_at"])
        self.stack.start("payments")
        self.assertEqual(self.stack.await_status(orders[0])["status"], "CANCELLED")
        for order_id in orders[1:]:
            self.assertEqual(self.stack.await_status(order_id)["status"], "CONFIRMED")
        self.assertTrue(self.settled(orders[0])["compensation"]["is_over"])
        self.assertEqual(self.stuck()["orders"], [])

    def test_5_a_retry_is_scheduled(self):
        stack = self.stack
        # inventory does not hear of the product, orders does
        stack.management("DELETE", f"/bindings/{stack._vhost_path()}/e/waybill.events/q/inventory/product.upserted.v1")
        stack.api("catalog-api", "PUT", "/products/NEW", {"name": "New", "price_minor": 500, "currency": "EUR"})
        eventually(lambda: stack.rows("orders", "SELECT 1 FROM products WHERE sku = 'NEW'"), 30, "orders has it")
        order_id = stack.order({"NEW": 1})
        found = self.waiting(order_id, "retry")
        _, consumer = self.consumer(found, "order.placed.v1", "inventory")
        failure, = consumer["failures"]
        self.assertEqual((consumer["state"], failure["attempt"], failure["error_code"], failure["then"]),
                         ("scheduled", 1, "NOT_YET", "retry"))
        self.assertEqual(found["expected"][0]["due_at"], failure["due_at"])
        self.assertIsNone(failure["sent_at"])
        text = self.waybill("trace", order_id)
        self.assertIn("inventory failed, attempt 1, again at", text)
        self.assertIn("due again at inventory in", text)
        row, = self.stuck()["orders"]
        self.assertEqual((row["order_id"], row["waits_for"]), (order_id, "retry"))
        self.assertGreater(row["due_in_ms"], 0)

        # It is parked, as if the broker would not take it, and somebody gives it up.
        delivery, = stack.rows("inventory", """UPDATE outbox_deliveries SET due_at = 'infinity', parked_at = now(),
            reason = 'NO_ROUTE' WHERE published_at IS NULL RETURNING id""")[0]
        self.waiting(order_id, "parked")
        self.waybill("outbox", "discard", f"inventory:delivery:{delivery}", "--reason=a test")
        found = self.waiting(order_id, "nothing")
        _, consumer = self.consumer(found, "order.placed.v1", "inventory")
        failure, = consumer["failures"]
        self.assertEqual((consumer["state"], failure["sent_at"]), ("given up", None))
        self.assertIsNotNone(failure["discarded_at"])
        self.assertRegex(failure["error"], "; discarded by .*: a test .*; it was parked for: NO_ROUTE$")
        self.assertIn("given up on its way to inventory", self.waybill("trace", order_id))
        row, = self.stuck()["orders"]
        self.assertEqual((row["order_id"], row["waits_for"]), (order_id, "nothing"))

    def test_6_dead_lettered(self):
        stack = self.stack
        inventory = stack.processes["inventory"]
        self.assertEqual(inventory.kill(signal.SIGTERM), 0)
        order_id = stack.order({"TEA": 1})
        eventually(lambda: stack.queue_depth("inventory") == 1, 30, "it waits for inventory")
        (properties, body), = stack.take("inventory")
        event = json.loads(body)
        event["data"]["order"]["lines"][0]["quantity"] = "two"
        connection = stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", "inventory", json.dumps(event), properties, mandatory=True)
        connection.close()
        stack.start("inventory")
        eventually(lambda: stack.queue_depth("inventory.dlq") == 1, 30, "it is dead-lettered")

        for _ in range(3):  # to look changes nothing
            found = self.waiting(order_id, "dead letter")
            self.assertEqual(eventually(lambda: stack.queue_depth("inventory.dlq"), 30, "it is back"), 1)
        _, consumer = self.consumer(found, "order.placed.v1", "inventory")
        self.assertEqual((consumer["state"], consumer["dead_letter"]["error_code"]),
                         ("dead-lettered", "SCHEMA_VIOLATION"))
        self.assertTrue(found["expected"][0]["needs_hand"])
        text = self.waybill("trace", order_id)
        self.assertIn("lies in inventory.dlq: SCHEMA_VIOLATION", text)
        self.assertIn("operator: replay or discard order.placed.v1", text)
        self.assertIn("orders-xinventory: order.placed.v1", self.waybill("trace", order_id, "--mermaid"))
        row, = [o for o in self.stuck()["orders"] if o["order_id"] == order_id]
        self.assertEqual(row["waits_for"], "dead letter")

        # beside the letter
        shown = json.loads(self.waybill("dlq", "show", event["id"], "--json"))
        self.assertEqual((shown["trace"]["order_id"], shown["trace"]["expected"][0]["kind"]),
                         (order_id, "dead letter"))
        text = self.waybill("dlq", "show", event["id"])
        self.assertIn(f"Order {order_id}: PENDING", text)
        self.assertIn("inventory failed, attempt 1, dead-lettered: SCHEMA_VIOLATION", text)
        self.assertNotIn("published", text.split("AFTER")[1])

        # without the broker the databases still tell of it
        nowhere = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
        out, err = self.run_waybill("trace", order_id, "--json", "--wait-ms=5000", status=1, WB_AMQP_BROKERS=nowhere)
        found = json.loads(out)
        self.assertEqual((found["expected"][0]["kind"], len(found["gaps"])), ("dead letter", 1))
        self.assertIn("waybill trace: RabbitMQ: ", err)

        # and then it is given up
        self.waybill("dlq", "discard", event["id"], "--reason=a test")
        found = self.waiting(order_id, "nothing")
        _, consumer = self.consumer(found, "order.placed.v1", "inventory")
        self.assertEqual((consumer["state"], [d["outcome"] for d in consumer["interventions"]]),
                         ("given up", ["discarded"]))
        self.assertIn("inventory: discard by tester, discarded", self.waybill("trace", order_id))

    def test_6_dead_lettered_by_the_broker(self):
        """Then no attempt of ours tells of it, only the letter, and then the journal."""
        stack = self.stack
        self.assertEqual(stack.processes["inventory"].kill(signal.SIGTERM), 0)
        order_id = stack.order({"TEA": 1})
        eventually(lambda: stack.queue_depth("inventory") == 1, 30, "it waits for inventory")
        connection = stack.connect()
        channel = connection.channel()
        method, _, body = channel.basic_get("inventory")
        channel.basic_reject(method.delivery_tag, requeue=False)
        connection.close()
        stack.start("inventory")
        found = self.waiting(order_id, "dead letter")
        _, consumer = self.consumer(found, "order.placed.v1", "inventory")
        self.assertEqual((consumer["state"], consumer["failures"]), ("dead-lettered", []))
        row, = [o for o in self.stuck()["orders"] if o["order_id"] == order_id]
        self.assertEqual(row["waits_for"], "handle")

        self.waybill("dlq", "discard", json.loads(body)["id"], "--reason=a test")
        found = self.waiting(order_id, "nothing")
        _, consumer = self.consumer(found, "order.placed.v1", "inventory")
        self.assertEqual((consumer["state"], [d["outcome"] for d in consumer["interventions"]]),
                         ("given up", ["discarded"]))
        row, = [o for o in self.stuck()["orders"] if o["order_id"] == order_id]
        self.assertEqual(row["waits_for"], "nothing")

    # ---- what can't be told

    def test_7_a_database_is_away(self):
        order_id = self.ended("CONFIRMED", FORWARD)["order_id"]
        away = self.stack.pg._replace(netloc=f"nobody@127.0.0.1:{free_port()}", path="/payments").geturl()
        out, err = self.run_waybill("trace", order_id, "--json", "--wait-ms=5000", status=1,
                                    databases={"payments": away})
        found = json.loads(out)
        self.assertEqual(found["status"], "CONFIRMED")
        self.assertNotIn("payments", found["services"])
        self.assertTrue(found["gaps"][0].startswith("payments: "), found["gaps"])
        self.assertIn("waybill trace: payments: ", err)
        # history still tells of its event
        event, consumer = self.consumer(found, "payment.captured.v1", "shipping")
        self.assertEqual((event["is_in_outbox"], event["service"], consumer["state"]), (False, "payments", "handled"))
        _, consumer = self.consumer(found, "stock.reserved.v1", "payments")
        self.assertEqual(consumer["state"], "unknown")

    def test_8_no_such_order(self):
        unknown = str(uuid.uuid4())
        for how in ((), ("--json",), ("--mermaid",)):
            out, err = self.run_waybill("trace", unknown, *how, status=1)
            self.assertEqual((out, err), ("", f"waybill trace: there is no order {unknown}\n"))
        for wrong in (("4711",), (), (unknown, unknown), (unknown, "--json", "--mermaid")):
            self.assertEqual(self.run_waybill("trace", *wrong, status=2)[0], "")
        for wrong in ("--after=x", "--after=5", "--older-than=soon", "--limit=0"):
            self.run_waybill("orders", "stuck", wrong, status=2)

    def test_9_however_much_there_is(self):
        """Nothing is read but what belongs to the order: by the server's own count."""
        stack = self.stack
        order_id = self.ended("CONFIRMED", FORWARD)["order_id"]
        stack.stop()  # nobody else reads
        for service in ("orders", "inventory", "payments", "shipping", "history", "notifications"):
            stack.rows(service, f"""
                INSERT INTO outbox_events (aggregate_type, aggregate_id, sequence, event_type, payload)
                  SELECT 'order', gen_random_uuid(), 1, 'bulk', '{{}}' FROM generate_series(1, {BULK});
                INSERT INTO inbox SELECT '{service}', gen_random_uuid() FROM generate_series(1, {BULK});
                INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, attempt, content_type, body,
                                               published_at)
                  SELECT '{service}', '{service}', '', gen_random_uuid(), 2, '', '', now()
                  FROM generate_series(1, {BULK})""")
        bulk = "FROM generate_series(1, %d)" % BULK
        stack.rows("orders", f"""INSERT INTO orders (order_id, customer_id, status, currency, total_minor, snapshot,
            placed_at, deadline_at) SELECT gen_random_uuid(), gen_random_uuid(), 'CONFIRMED', 'EUR', 1, '{{}}', now(),
            now() {bulk}""")
        stack.rows("inventory", f"INSERT INTO reservations (order_id, status) SELECT gen_random_uuid(), 'SHIPPED' {bulk}")
        stack.rows("payments", f"""INSERT INTO payments (order_id, status, caused_by) SELECT gen_random_uuid(),
            'CAPTURED', gen_random_uuid() {bulk}""")
        stack.rows("shipping", f"""INSERT INTO shipments (order_id, status, decided_by) SELECT gen_random_uuid(),
            'FAILED', gen_random_uuid() {bulk}""")
        stack.rows("notifications", f"""INSERT INTO mails (order_id, kind, event_id, customer_id, subject, content, status)
            SELECT gen_random_uuid(), 'CONFIRMED', gen_random_uuid(), gen_random_uuid(), '', '', 'SENT' {bulk}""")
        stack.rows("history", f"""INSERT INTO order_events (event_id, order_id, source, type, sequence, occurred_at, detail,
            customer_id, currency, total_minor, placed_at) SELECT gen_random_uuid(), gen_random_uuid(), '/orders', 'bulk',
            1, now(), '{{}}', gen_random_uuid(), 'EUR', 1, now() {bulk}""")
        for service in SERVICES:
            stack.rows(service, "VACUUM ANALYZE")

        def rows_read():
            """outbox_batches has few rows here."""
            return {(s, table): int(n) for s in SERVICES for table, n in
                    stack.rows(s, "SELECT relname, seq_tup_read FROM pg_stat_user_tables "
                                  "WHERE relname !~ '^outbox_batches'")}
        before = rows_read()
        self.assertEqual(len(self.trace(order_id)["events"]), 5)
        self.stuck()
        self.assertEqual({table: n - before[table] for table, n in rows_read().items()
                          if n - before[table] > BULK / 10}, {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
