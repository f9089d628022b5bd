#!/usr/bin/python3
"""History's projections are built anew from its log while two processes take
events and answer: nothing is lost or doubled, readers see the old ones or the new
ones and never a part, and a rebuild that is killed goes on."""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest
import uuid
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import Stack, eventually  # noqa: E402

import pika  # noqa: E402
import psycopg2  # noqa: E402

CUSTOMERS = [f"0190a000-0000-7000-8000-00000000000{i}" for i in range(1, 6)]
ENDS = {"order.confirmed.v1": "CONFIRMED", "order.rejected.v1": "REJECTED", "order.cancelled.v1": "CANCELLED"}
DAYS = ("2026-11-19", "2026-11-20")
OLD_ORDERS, NEW_ORDERS = 4000, 1500


def id_at(second):
    """A UUIDv7 of that second."""
    ms = 1795000000000 + 1000 * second
    return str(uuid.UUID(int=ms << 80 | 0x7 << 76 | random.getrandbits(12) << 64 | 0x2 << 62 | random.getrandbits(62)))


class Order:
    """An order and its events, in the order in which they happen."""

    def __init__(self, rng, number):
        self.id, self.customer = id_at(number), rng.choice(CUSTOMERS)
        self.currency, self.total = rng.choice(("EUR", "GBP")), rng.randrange(1, 10000)
        self.day = rng.choice(DAYS)
        self.placed = f"{self.day}T12:{number // 60 % 60:02}:{number % 60:02}.000000Z"
        end = rng.choice((*ENDS, None))
        types = ["order.placed.v1", "stock.reserved.v1", "payment.captured.v1", *([end] if end else [])]
        self.status = ENDS.get(end, "PENDING")
        self.events = [self._event(t, n + 1) for n, t in enumerate(types)]

    def _event(self, kind, n):
        order = {"order_id": self.id, "customer_id": self.customer, "currency": self.currency,
                 "total_minor": self.total, "placed_at": self.placed}
        return {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/orders", "type": kind,
                "subject": self.id, "time": self.placed, "datacontenttype": "application/json",
                "sequence": f"{n:020}", "data": {"order": order, "n": n}}


def expected(orders):
    """What GET /orders/totals must say of them."""
    orders = list(orders)
    count, money = Counter(), Counter()
    for o in orders:
        count[o.day, o.status, o.currency] += 1
        money[o.day, o.status, o.currency] += o.total
    return sorted((*key, n, money[key]) for key, n in count.items())


class Rebuild(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = int(os.environ.get("WB_TEST_SEED", time.time()))
        print(f"WB_TEST_SEED={cls.seed}")
        cls.rng = random.Random(cls.seed)
        cls.stack = Stack("rebuild", bindings=False)
        cls.stack.add("history", "history-2")
        cls.stack.start("history", "history-2")

    @classmethod
    def tearDownClass(cls):
        assert set(cls.stack.stop().values()) == {0}

    def publish(self, events):
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for event in events:
            channel.basic_publish("", "history", json.dumps(event), pika.BasicProperties(
                content_type="application/cloudevents+json", delivery_mode=2), mandatory=True)
        connection.close()

    def await_log(self, n):
        eventually(lambda: self.stack.rows("history", "SELECT count(*) FROM order_events") == [(n,)],
                   120, f"{n} events in the log")

    def waybill(self, *args):
        dsn = self.stack.pg._replace(path="/" + self.stack.database("history")).geturl()
        return subprocess.Popen([self.stack.bin / "waybill", "history", *args], env={**os.environ, "WB_DSN": dsn},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, command, status=0):
        out, _ = command.communicate(timeout=120)
        self.assertEqual(command.returncode, status, out)
        return out

    def totals(self):
        items = self.stack.api("history", "GET", f"/orders/totals?from={DAYS[0]}&to={DAYS[1]}")["items"]
        return [(i["day"], i["status"], i["currency"], i["orders"], i["total_minor"]) for i in items]

    def generation(self):
        return self.stack.rows("history", "SELECT serving, building FROM projection")[0]

    def write_log(self, orders):
        """Straight into the log, as events that were there long before."""
        events = [e for o in orders for e in o.events]
        columns = list(zip(*((e["id"], e["subject"], e["source"], e["type"], int(e["sequence"]), e["time"],
                              json.dumps({"n": e["data"]["n"]}), e["data"]["order"]["customer_id"],
                              e["data"]["order"]["currency"], e["data"]["order"]["total_minor"],
                              e["data"]["order"]["placed_at"]) for e in events)))
        self.stack.rows("history", """
            INSERT INTO order_events (event_id, order_id, source, type, sequence, occurred_at, detail, customer_id,
                                      currency, total_minor, placed_at)
            SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[],
                                 %s::json[], %s::uuid[], %s::text[], %s::bigint[], %s::timestamptz[])""",
                        [list(c) for c in columns])
        return len(events)

    def test_1_while_events_come_and_questions(self):
        """The projections of the old orders are lost; then all is as it must be."""
        old = [Order(self.rng, n) for n in range(OLD_ORDERS)]
        new = [Order(self.rng, OLD_ORDERS + n) for n in range(NEW_ORDERS)]
        n_events = self.write_log(old)
        self.assertEqual(self.totals(), [])

        # Each event once, some twice, an order's own in any order.
        deliveries = [e for o in new for e in o.events]
        deliveries += self.rng.sample(deliveries, len(deliveries) // 10)
        self.rng.shuffle(deliveries)
        publisher = threading.Thread(target=self.publish, args=(deliveries,))
        answers, is_over = [], threading.Event()

        def ask():
            while not is_over.is_set():
                answers.append(sum(n for _, _, _, n, _ in self.totals()))

        asker = threading.Thread(target=ask)
        asker.start()
        publisher.start()
        # Killed again and again, it still comes to its end.
        tries = 0
        while self.generation()[0] == 1:
            command = self.waybill("rebuild", "--chunk=10" if tries < 5 else "--chunk=2000")
            if tries < 5:
                time.sleep(self.rng.uniform(0.02, 0.3))
                command.send_signal(signal.SIGKILL)
                command.communicate(timeout=30)
            else:
                self.finish(command)
            tries += 1
        publisher.join()
        n_events += sum(len(o.events) for o in new)
        self.await_log(n_events)
        is_over.set()
        asker.join()

        self.assertEqual(self.totals(), expected(old + new))
        self.assertEqual(invariants.projections_of_history(self.stack), [])
        self.assertGreater(tries, 1, "it was killed before its end")
        self.finish(self.waybill("rebuild"))  # and cleans up, if a killed one did not
        self.assertEqual(self.stack.rows("history", "SELECT DISTINCT generation FROM orders"),
                         [(self.generation()[0],)])
        self.assertEqual(self.totals(), expected(old + new))
        # Readers saw only what came since, or that and all the old orders.
        parts = [n for n in answers if NEW_ORDERS < n < OLD_ORDERS]
        self.assertEqual(parts, [])
        self.assertTrue(any(n >= OLD_ORDERS for n in answers))

    def test_two_at_once_and_one_given_up(self):
        """Two that rebuild share the work; a third takes it from both."""
        before = self.generation()[0]
        totals = self.totals()
        both = [self.waybill("rebuild", "--chunk=1", "--pause-ms=1") for _ in range(2)]
        eventually(lambda: self.stack.rows("history", "SELECT 1 FROM projection WHERE building IS NOT NULL AND read_upto > 0"),
                   30, "it reads")
        self.assertIn("is being built", self.finish(self.waybill("status")))
        self.finish(self.waybill("cancel"))
        for command in both:
            self.assertIn("was given up by another", self.finish(command, 1))
        self.assertEqual(self.generation(), (before, None))
        self.assertEqual(self.totals(), totals)
        both = [self.waybill("rebuild", "--chunk=200") for _ in range(2)]
        for command in both:
            self.finish(command)
        self.assertEqual(self.totals(), totals)
        self.assertEqual(invariants.projections_of_history(self.stack), [])

    def test_a_frozen_process_holds_it_up_only(self):
        """A process of history that stands still in mid-transaction: a rebuild can't
        end meanwhile, but the other process goes on taking events."""
        connection = psycopg2.connect(self.stack.pg._replace(path="/" + self.stack.database("history")).geturl())
        connection.cursor().execute("SELECT pg_advisory_xact_lock_shared(8617204433)")
        out = self.finish(self.waybill("rebuild", "--wait-ms=1500"), 1)
        self.assertIn("lock timeout", out)
        before = self.stack.rows("history", "SELECT count(*) FROM order_events")[0][0]
        order = Order(self.rng, 9000)
        command = self.waybill("rebuild")
        self.publish(order.events)
        self.await_log(before + len(order.events))
        self.assertIsNone(command.poll())
        connection.rollback()
        self.finish(command)
        self.assertEqual(invariants.projections_of_history(self.stack), [])

    def test_pauses_and_long_steps_are_no_wait(self):
        """--wait-ms bounds neither of them."""
        before = self.generation()[0]
        self.finish(self.waybill("rebuild", "--chunk=100000", "--pause-ms=1500", "--wait-ms=1000"))
        self.assertGreater(self.generation()[0], before)
        connection = psycopg2.connect(self.stack.pg._replace(path="/" + self.stack.database("history")).geturl())
        connection.cursor().execute("SELECT FROM projection FOR UPDATE")
        command = self.waybill("rebuild", "--wait-ms=1000")
        time.sleep(3)  # more than that
        self.assertIsNone(command.poll())
        connection.rollback()
        self.finish(command)
        connection.cursor().execute("SELECT FROM projection FOR UPDATE")
        out = self.finish(self.waybill("rebuild", "--wait-ms=1000", "--step-deadline-ms=2000"), 1)
        self.assertIn("statement timeout", out)
        connection.close()

    def behind(self):
        """The oldest event in hand, of the two processes, in seconds."""
        ages = []
        for name in ("history", "history-2"):
            url = f"http://127.0.0.1:{self.stack.admin_ports[name]}/metrics"
            ages += [float(line.split()[1]) for line in self.stack.http("GET", url).decode().splitlines()
                     if line.startswith("wb_consumer_behind_seconds ")]
        self.assertEqual(len(ages), 2)
        return max(ages)

    def test_how_far_it_is_behind(self):
        """An event that waits for its transaction makes the process say how old it is."""
        eventually(lambda: self.behind() == 0, 30, "nothing waits")
        connection = psycopg2.connect(self.stack.pg._replace(path="/" + self.stack.database("history")).geturl())
        connection.cursor().execute("SELECT pg_advisory_xact_lock(8617204433)")
        self.publish(Order(self.rng, 9001).events)
        eventually(lambda: self.behind() > 1000, 30, "it is behind")
        connection.rollback()
        eventually(lambda: self.behind() == 0, 30, "it has caught up")

    def test_what_it_says(self):
        self.assertIn("no verb, see waybill history --help", self.finish(self.waybill(), 2))
        self.assertIn("there is no rebuild", self.finish(self.waybill("cancel")))
        self.assertIn("is read", self.finish(self.waybill("status")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
