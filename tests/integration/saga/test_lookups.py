#!/usr/bin/python3
"""What a batch reads does not grow with the backlog. On new databases, of which the
planner knows nothing yet, with the services' settings: each function looks its
orders up by their keys, and never goes through all that are under way. Straight on
the SQL functions of the schema. Reads WB_TEST_PG_DSN (a superuser's)."""
import sys
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import saga_model  # noqa: E402
from saga_model import SERVICES, Saga, line, order_snapshot  # noqa: E402
from stack import need_env  # noqa: E402

# As lib/pg/settings.c pins them.
SETTINGS = {"enable_seqscan": "off", "enable_bitmapscan": "off", "random_page_cost": "0.1", "jit": "off",
            "plan_cache_mode": "force_generic_plan"}
ALL = (*SERVICES, "notifications")
ORDERS, BATCH = 2000, 20
SKUS = 1000  # many: while autovacuum holds a snapshot, each one's dead versions are read too
MOST_ROWS = 60  # that a message may make a service read, of all its tables and indexes


class Case(unittest.TestCase):
    def connect(self, *services):
        self.saga = Saga({service: saga_model.connect(service) for service in services})
        for connection in self.saga.connections.values():
            with connection, connection.cursor() as cursor:
                for name, value in SETTINGS.items():
                    cursor.execute(f"SET {name} = {value}")

    def tearDown(self):
        for connection in self.saga.connections.values():
            connection.close()

    def vacuum(self, service):
        """Forgets the places where rows were."""
        connection = self.saga.connections[service]
        connection.autocommit = True
        connection.cursor().execute("VACUUM")
        connection.autocommit = False

    def rows_read(self, service):
        self.saga.rows(service, "SELECT pg_stat_force_next_flush()")
        ((n,),) = self.saga.rows(service, """
            SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)
                 + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)""")
        return n

    def measured(self, service, work, n_messages):
        before = self.rows_read(service)
        work()
        self.assertLessEqual(self.rows_read(service) - before, MOST_ROWS * n_messages, service)


class Wishes(Case):
    def wish(self, customers):
        rows = self.saga.rows("notifications", """
            SELECT outcome FROM record_wishes(%s, %s::uuid[], %s::uuid[], %s::uuid[], %s, %s, %s)""", (
                list(range(len(customers))), *([str(uuid.uuid4()) for _ in customers] for _ in range(2)),
                customers, *([text] * len(customers) for text in ("CONFIRMED", "subject", "content"))))
        self.assertEqual(rows, [("RECORDED",)] * len(customers))

    def test_beside_many_customers(self):
        self.connect("notifications")
        known = []

        def add(n):
            new = [str(uuid.uuid4()) for _ in range(n)]
            self.saga.rows("notifications", "INSERT INTO customers SELECT c, 'Ada', 'ada@example.org'"
                           " FROM unnest(%s::uuid[]) AS c RETURNING 1", (new,))
            known.extend(new)

        add(1)
        self.wish(known)
        add(ORDERS)
        self.measured("notifications", lambda: self.wish(known[1:1 + BATCH]), BATCH)
        self.wish(known[1 + BATCH:])
        self.measured("notifications", lambda: self.claim(BATCH, BATCH), BATCH)
        self.claim(ORDERS, ORDERS + 1 - BATCH)
        # All are due later now.
        self.vacuum("notifications")
        self.measured("notifications", lambda: self.claim(BATCH, 0), 1)

    def claim(self, most, n):
        mails = self.saga.rows("notifications", "SELECT name FROM claim_mails(%s, 600000)", (most,))
        self.assertEqual(mails, [("Ada",)] * n)


class Lookups(Case):
    def setUp(self):
        self.connect(*SERVICES)
        with self.saga.connections["inventory"] as connection, connection.cursor() as cursor:
            saga_model.receive(cursor, {"SCARCE": BATCH // 2, **{f"SKU{i}": 1000000 for i in range(SKUS)}})

    def deliver(self, service, most=ORDERS):
        """What is pending for that service, batch by batch."""
        mine = [m for m in self.saga.pending if m.service == service][:most]
        self.saga.pending = [m for m in self.saga.pending if m not in mine]
        self.assertTrue(mine)
        for i in range(0, len(mine), BATCH):
            batch = mine[i:i + BATCH]
            self.measured(service, lambda batch=batch: self.assertEqual(self.saga.deliver(batch), []), len(batch))

    def place(self, n):
        self.saga.place([order_snapshot([line(f"SKU{i % SKUS}"), line(f"SKU{(i + 7) % SKUS}")]) for i in range(n)],
                        lambda order: False)

    def let_one_through(self):
        """So the plans are made for tables that are as good as empty."""
        self.place(1)
        self.deliver("inventory")
        self.deliver("payments")
        self.assertEqual(self.saga.claim(1), 1)
        self.saga.settle({self.saga.calls[0][0]: self.saga.execute(self.saga.calls.pop(0))})
        for service in ("shipping", "orders", "inventory"):
            self.deliver(service)

    def test_beside_many_products(self):
        """Of some of a batch there is not enough, others are given back."""
        saga = self.saga
        saga.place([order_snapshot([line("SCARCE"), line(f"SKU{i}")], method="pm_declined") for i in range(BATCH)],
                   lambda order: False)
        for service in ("inventory", "payments"):
            self.deliver(service)
        self.assertEqual(saga.claim(BATCH), BATCH // 2)
        saga.settle({call[0]: saga.execute(call) for call in saga.calls})
        self.deliver("inventory")
        self.assertEqual(saga.rows("inventory", "SELECT status, count(*) FROM reservations GROUP BY 1 ORDER BY 1"),
                         [("REJECTED", BATCH // 2), ("RELEASED", BATCH // 2)])

    def test_beside_many_that_are_under_way(self):
        saga = self.saga
        self.let_one_through()
        self.place(ORDERS)
        self.deliver("inventory")
        self.deliver("payments")
        for n in (BATCH, ORDERS - BATCH):
            self.measured("payments", lambda n=n: self.assertEqual(saga.claim(n), n), n)
        saga.rows("payments", "UPDATE payments SET due_at = due_at + interval '1 hour'")
        self.vacuum("payments")
        self.measured("payments", lambda: self.assertEqual(saga.claim(BATCH), 0), 1)
        self.measured("orders", lambda: self.assertEqual(
            saga.rows("orders", "SELECT order_id FROM sweep_orders(%s, 600000)", (BATCH,)), []), 1)
        for batch in (saga.calls[:BATCH], saga.calls[BATCH:2 * BATCH]):
            outcomes = {call[0]: saga.execute(call) for call in batch}
            self.measured("payments", lambda outcomes=outcomes: saga.settle(outcomes), BATCH)
        self.deliver("shipping")
        self.deliver("orders")
        self.deliver("inventory")
        self.assertEqual(saga.rows("orders", "SELECT status, count(*) FROM orders GROUP BY status ORDER BY status"),
                         [("CONFIRMED", 2 * BATCH + 1), ("PENDING", ORDERS - 2 * BATCH)])


if __name__ == "__main__":
    need_env("WB_TEST_PG_DSN")
    saga_model.create_databases(ALL)
    try:
        unittest.main(verbosity=2)
    finally:
        saga_model.drop_databases(ALL)
