#!/usr/bin/python3
"""`waybill audit`: silent while the system runs and when it has come to rest, and each
of its invariants found broken, and no other, when that one is.

The corruptions are made with every process stopped (but the provider), one after the
other, in the databases that the saga has filled; each is undone."""
import contextlib
import sys
import threading
import time
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import SERVICES, Stack, eventually  # noqa: E402

import pika  # noqa: E402
import psycopg2  # noqa: E402

NAMES = {"orders.end", "orders.exist", "orders.payment", "orders.shipment", "orders.goods", "orders.view",
         "orders.told", "stock.sum", "stock.ledger", "provider.charges", "provider.books", "events.handled",
         "events.emitted", "events.once", "events.unique", "events.sequence", "events.dead", "events.replicas",
         "outbox.drains", "outbox.parked", "payments.parked", "queues.drain"}
DAY_MS = 86400000


def uuid7(ms):
    return str(uuid.UUID(int=(ms << 80) | (7 << 76) | (2 << 62) | (uuid.uuid4().int & ((1 << 62) - 1))))


def now_ms():
    return int(time.time() * 1000)


class Load(threading.Thread):
    """Posts orders of all kinds until told to stop."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.orders, self.goes_on = stack, [], True

    def run(self):
        kinds = [({"TEA": 1}, "pm_ok", "GB"), ({"TEA": 1}, "pm_declined", "GB"), ({"MUG": 1}, "pm_ok", "ZZ"),
                 ({"MUG": 1, "TEA": 1}, "pm_flaky", "GB"), ({"SOLD-OUT": 1}, "pm_ok", "GB"),
                 ({"MUG": 2}, "pm_slow", "GB")]
        while self.goes_on:
            lines, method, country = kinds[len(self.orders) % len(kinds)]
            self.orders.append(self.stack.order(lines, method, country))
            if len(self.orders) % 5 == 0:
                self.stack.cancel(self.orders[-1])
            time.sleep(0.1)

    def stop(self):
        self.goes_on = False
        self.join(60)


class Audit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("audit", env={
            "orders-consumer": {"WB_SWEEP_INTERVAL_MS": "100", "WB_SWEEP_REPEAT_MS": "1000"},
            "payments": {"WB_CALL_DEADLINE_MS": "1000", "WB_CHARGE_POLL_MS": "50"},
            "provider-sim": {"WB_SLOW_MS": "700"}})
        cls.stack.start()
        cls.stack.seed({"TEA": 100000, "MUG": 100000, "SOLD-OUT": 0})
        cls.audit_under_load()
        cls.walk_every_path()
        cls.publish("inventory", b"not an event")  # a dead letter in earnest
        eventually(lambda: cls.stack.queue_totals()["inventory.dlq"] == 1, 60, "it is dead-lettered")
        cls.stack.await_quiet()
        invariants.check(cls.stack)
        cls.let_only_the_provider_run()

    @classmethod
    def tearDownClass(cls):
        cls.stack.stop()

    # ---- a healthy system

    @classmethod
    def audit_under_load(cls):
        """Nothing is broken, whenever it is asked; with an age that nothing here
        reaches, and with one that is a hundred times what a step takes."""
        load = Load(cls.stack)
        load.start()
        runs = 0
        while runs < 5 or len(load.orders) < 60:
            found = cls.broken_now("--max-age-ms=60000")
            assert not found, f"while the system runs: {found}"
            runs += 1
        load.stop()
        cls.stack.await_all(load.orders, 240)

    @classmethod
    def walk_every_path(cls):
        stack = cls.stack
        orders = {"two": stack.order({"TEA": 2}), "both": stack.order({"TEA": 1, "MUG": 1}),
                  "declined": stack.order({"TEA": 1}, "pm_declined"),
                  "undeliverable": stack.order({"TEA": 1}, country="ZZ"),
                  "rejected": stack.order({"SOLD-OUT": 1})}
        payments = stack.processes["payments"]
        assert payments.kill(15) == 0
        orders["timeout"] = stack.order({"TEA": 1})
        stack.rows("orders", "UPDATE orders SET deadline_at = now() WHERE order_id = %s", (orders["timeout"],))
        eventually(lambda: stack.rows("shipping", "SELECT 1 FROM shipments WHERE order_id = %s",
                                      (orders["timeout"],)), 60, "its cancellation has come to shipping")
        stack.start("payments")
        stack.await_all(orders.values(), 120)
        cls.orders = orders

    @classmethod
    def let_only_the_provider_run(cls):
        for name, process in cls.stack.processes.items():
            if name != "provider-sim":
                assert process.kill(15) == 0, name

    @classmethod
    def publish(cls, queue, body):
        connection = cls.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
        connection.close()

    @contextlib.contextmanager
    def message_in(self, queue):
        """One more message, as the broker's totals show it, and none at the end."""
        def total():
            return self.stack.queue_totals()[queue]
        before = total()
        self.publish(queue, b"x")
        eventually(lambda: total() == before + 1, 60, f"it is in {queue}")
        try:
            yield
        finally:
            self.stack.take(queue)
            eventually(lambda: total() == 0, 60, f"{queue} is empty")

    # ---- asking

    @classmethod
    def verdicts(cls, *flags):
        return {i["name"]: i for i in cls.stack.audit(*flags)["invariants"]}

    @classmethod
    def broken_now(cls, *flags):
        return {n: i["findings"] for n, i in cls.verdicts(*flags).items() if i["broken"]}

    def finds(self, *names):
        """That it finds these invariants broken, and no other."""
        found = self.broken_now("--quiet")
        self.assertEqual(set(found), set(names), found)
        return found

    # ---- breaking

    @contextlib.contextmanager
    def broken(self, service, tables, sql, *args):
        """sql runs in one transaction, constraints and triggers asleep; at the end its
        tables are as before."""
        name = self.stack.database(service)
        dsn = self.stack.pg._replace(path="/" + name).geturl()
        with contextlib.closing(psycopg2.connect(dsn)) as connection:
            with connection, connection.cursor() as cursor:
                for table in tables.split():
                    cursor.execute(f"CREATE TABLE saved_{table} AS TABLE {table}")
                keys = self.sleep_constraints(cursor, tables.split())
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute(sql, args)
                self.assertGreater(cursor.rowcount, 0, "nothing was broken")
            try:
                yield
            finally:
                with connection, connection.cursor() as cursor:
                    cursor.execute("SET LOCAL session_replication_role = replica")
                    for table in tables.split():
                        self.restore(cursor, table)
                    for statement in keys:
                        cursor.execute(statement)

    @staticmethod
    def sleep_constraints(cursor, tables):
        """Drops the keys and checks; returns what makes them again. Those of the
        outbox are left alone."""
        again = []
        for table in tables:
            if table.startswith("outbox"):
                continue
            cursor.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass "
                           "AND contype IN ('p', 'u', 'c') ORDER BY contype", (table,))
            for key, definition in cursor.fetchall():
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{key}" CASCADE')
                again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{key}" {definition}')
        return again

    @staticmethod
    def restore(cursor, table):
        cursor.execute("SELECT string_agg(quote_ident(column_name), ',') FROM information_schema.columns "
                       "WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'", (table,))
        columns, = cursor.fetchone()
        cursor.execute(f"DELETE FROM {table}")
        cursor.execute(f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM saved_{table}")
        cursor.execute(f"DROP TABLE saved_{table}")

    def event(self, service, event_type, order="both"):
        """(event_id, seq) of the order's event of that type."""
        return self.stack.rows(service, "SELECT event_id::text, seq FROM outbox_events WHERE event_type = %s AND "
                               "aggregate_id = %s", (event_type, self.orders[order]))[0]

    def setUp(self):
        self.two, self.both = self.orders["two"], self.orders["both"]

    # ---- the whole

    def test_every_invariant_is_reported_and_holds(self):
        told = self.verdicts("--quiet")
        self.assertEqual(set(told), NAMES)
        self.assertEqual({n: i["state"] for n, i in told.items()}, {n: "ok" for n in NAMES})
        never_there = {"outbox.parked", "outbox.drains", "payments.parked", "queues.drain"}
        self.assertEqual({n for n, i in told.items() if i["checked"] == 0}, never_there)

    def test_dead_letters_are_counted(self):
        self.assertEqual(self.verdicts("--quiet")["events.dead"]["checked"], 1)

    def test_people_are_told_too(self):
        done = self.stack.waybill("audit", "--quiet")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertTrue(any(line.startswith("ok            orders.end ") for line in lines), done.stdout)
        self.assertTrue(any(line.startswith("not provable  provider.books ") for line in lines), done.stdout)

    def test_what_is_shown_is_bounded_and_what_is_broken_is_counted(self):
        with self.broken("shipping", "shipments", "DELETE FROM shipments WHERE status = 'CREATED'"):
            told = self.verdicts("--quiet", "--findings=3")["orders.shipment"]
        confirmed, = self.stack.rows("orders", "SELECT count(*) FROM orders WHERE status = 'CONFIRMED'")[0]
        self.assertEqual((told["broken"], len(told["findings"])), (confirmed, 3))

    def test_a_database_that_is_away_is_no_clean_audit(self):
        done = self.stack.waybill("audit", "--quiet", "--wait-ms=500",
                                  "--databases=orders=postgres://127.0.0.1:1/orders")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, "^waybill audit: [a-z]+: connection .* failed")

    # ---- 1: orders

    def test_order_that_never_ends(self):
        with self.broken("orders", "orders", "UPDATE orders SET status = 'PENDING' WHERE order_id = %s", self.two):
            found = self.finds("orders.end")
        self.assertIn(self.two, found["orders.end"][0])

    def test_order_past_its_deadline_while_the_system_runs(self):
        with self.broken("orders", "orders", "UPDATE orders SET status = 'PENDING', deadline_at = now() - interval "
                         "'1 hour' WHERE order_id = %s", self.two):
            self.assertEqual(set(self.broken_now()), {"orders.end"})

    def test_order_before_its_deadline_while_the_system_runs(self):
        with self.broken("orders", "orders", "UPDATE orders SET status = 'PENDING', deadline_at = now() + interval "
                         "'1 hour' WHERE order_id = %s", self.two):
            self.assertEqual(self.broken_now(), {})

    def test_order_that_is_gone(self):
        with self.broken("orders", "orders", "DELETE FROM orders WHERE order_id = %s", self.two):
            self.finds("orders.exist")

    # ---- 2: money, goods, and what people are told

    def test_payment_that_is_gone(self):
        with self.broken("payments", "payments", "DELETE FROM payments WHERE order_id = %s", self.two):
            self.finds("orders.payment", "provider.charges")

    def test_payment_in_another_currency(self):
        with self.broken("payments", "payments", "UPDATE payments SET currency = 'USD' WHERE order_id = %s", self.two):
            self.finds("orders.payment")

    def test_payment_of_another_amount(self):
        with self.broken("payments", "payments", "UPDATE payments SET amount_minor = amount_minor + 1 "
                         "WHERE order_id = %s", self.two):
            self.finds("orders.payment", "provider.books")

    def test_cancelled_order_that_is_paid(self):
        with self.broken("payments", "payments", "UPDATE payments SET status = 'CAPTURED' WHERE order_id = %s",
                         self.orders["undeliverable"]):
            self.finds("orders.payment", "provider.books")

    def test_payment_doubled(self):
        with self.broken("payments", "payments", "INSERT INTO payments SELECT * FROM payments WHERE order_id = %s",
                         self.two):
            self.finds("orders.payment", "events.once")

    def test_shipment_that_is_gone(self):
        with self.broken("shipping", "shipments", "DELETE FROM shipments WHERE order_id = %s", self.two):
            self.finds("orders.shipment")

    def test_shipment_of_a_cancelled_order(self):
        with self.broken("shipping", "shipments", "UPDATE shipments SET status = 'CREATED', tracking_number = 'X' "
                         "WHERE order_id = %s", self.orders["undeliverable"]):
            self.finds("orders.shipment")

    def test_shipment_doubled(self):
        with self.broken("shipping", "shipments", "INSERT INTO shipments SELECT * FROM shipments WHERE order_id = %s",
                         self.two):
            self.finds("orders.shipment", "events.once")

    def test_other_goods_went_out(self):
        """Those of another order, and the other way round: the sums are right."""
        with self.broken("inventory", "reservations", "UPDATE reservations v SET skus = w.skus, quantities = "
                         "w.quantities FROM reservations w WHERE (v.order_id, w.order_id) IN "
                         "((%s, %s), (%s, %s))", self.two, self.both, self.both, self.two):
            self.finds("orders.goods")

    def test_goods_held_for_a_rejected_order(self):
        with self.broken("inventory", "reservations", "UPDATE reservations SET status = 'RESERVED' "
                         "WHERE order_id = %s", self.orders["rejected"]):
            self.finds("orders.goods")

    def test_view_that_says_something_else(self):
        with self.broken("history", "orders", "UPDATE orders SET status = 'REJECTED' WHERE order_id = %s", self.two):
            self.finds("orders.view")

    def test_mail_about_another_end(self):
        with self.broken("notifications", "mails", "UPDATE mails SET kind = 'CANCELLED' WHERE order_id = %s",
                         self.two):
            self.finds("orders.told")

    def test_mail_that_is_never_sent(self):
        with self.broken("notifications", "mails", "UPDATE mails SET status = 'PENDING' WHERE order_id = %s", self.two):
            self.finds("orders.told")

    # ---- 3: stock

    def test_stock_off_by_one(self):
        with self.broken("inventory", "stock", "UPDATE stock SET on_hand = on_hand - 1 WHERE sku = 'TEA'"):
            self.finds("stock.sum")

    def test_stock_below_zero(self):
        with self.broken("inventory", "stock", "UPDATE stock SET on_hand = -1, received = -1 WHERE sku = 'SOLD-OUT'"):
            self.finds("stock.sum", "stock.ledger")

    def test_stock_sent_without_an_order(self):
        with self.broken("inventory", "stock", "UPDATE stock SET on_hand = on_hand - 1, shipped = shipped + 1 "
                         "WHERE sku = 'TEA'"):
            self.finds("stock.ledger")

    def test_receipt_that_is_gone(self):
        with self.broken("inventory", "stock_receipts", "DELETE FROM stock_receipts WHERE sku = 'MUG'"):
            self.finds("stock.ledger", "events.once")

    # ---- 4: the provider

    @contextlib.contextmanager
    def other_books(self, change):
        """change(lines) → lines of the provider's ledger: kind, amount, reference, key."""
        provider = self.stack.processes["provider-sim"]
        ledger = Path(provider.env["WB_LEDGER"])
        before = ledger.read_text()
        lines = change(before.splitlines())
        self.assertNotEqual(lines, before.splitlines(), "nothing was broken")
        self.assertEqual(provider.kill(15), 0)
        ledger.write_text("".join(line + "\n" for line in lines))
        self.stack.start("provider-sim")
        try:
            yield
        finally:
            self.assertEqual(provider.kill(15), 0)
            ledger.write_text(before)
            self.stack.start("provider-sim")

    def test_charge_doubled(self):
        with self.other_books(lambda lines: lines + [line for line in lines if line.endswith(self.two)]):
            self.finds("provider.charges")

    def test_charge_that_no_payment_knows(self):
        key = uuid7(now_ms() - DAY_MS)
        with self.other_books(lambda lines: lines + [f"1 500 {uuid.uuid4()} {key}"]):
            self.finds("provider.charges")

    def test_charge_of_a_declined_payment(self):
        declined = self.orders["declined"]
        with self.other_books(lambda lines: ["1" + line[1:] if line.endswith(declined) else line for line in lines]):
            self.finds("provider.books")

    def test_refund_that_is_gone(self):
        refund = self.orders["undeliverable"] + "-refund"
        with self.other_books(lambda lines: [line for line in lines if not line.endswith(refund)]):
            self.finds("provider.books")

    def test_charge_that_is_gone(self):
        with self.other_books(lambda lines: [line for line in lines if not line.endswith(self.two)]):
            self.finds("provider.books")

    def test_books_of_several_pages(self):
        items, after = [], ""
        while after is not None:
            page = self.stack.api("provider-sim", "GET", f"/charges?limit=7&after={after}")
            self.assertLessEqual(len(page["items"]), 7)
            items += page["items"]
            after = page["next"]
        self.assertGreater(len(items), 50)
        self.assertEqual(items, self.stack.api("provider-sim", "GET", "/charges")["items"])
        self.assertEqual([i["key"] for i in items], sorted(i["key"] for i in items))

    # ---- 5: events

    def lost(self, event_id):
        """history has neither handled it nor kept anything of it."""
        return self.broken("history", "inbox order_events", "WITH gone AS (DELETE FROM inbox WHERE event_id = %s) "
                           "DELETE FROM order_events WHERE event_id = %s", event_id, event_id)

    def test_event_that_is_lost(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.lost(event_id):
            found = self.finds("events.handled")
            self.assertIn(event_id, found["events.handled"][0])
            # While the system runs it may be on its way, until it is too old.
            self.assertEqual(self.broken_now(), {})
            self.assertEqual(set(self.broken_now("--max-age-ms=0")), {"events.handled"})

    def test_event_whose_retry_is_lost(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.lost(event_id), self.delivery(event_id, "history", "now() - interval '1 hour'"):
            self.finds("events.handled")

    def delivery(self, event_id, queue, published_at, due_at="now()", parked_at="NULL"):
        return self.broken("history", "outbox_deliveries", "INSERT INTO outbox_deliveries (consumer, queue, routing_key, "
                           "event_id, attempt, content_type, body, due_at, published_at, parked_at, reason) VALUES "
                           f"('history', %s, 'x', %s, 2, 'x', '', {due_at}, {published_at}, {parked_at}, 'broken')",
                           queue, event_id)

    def test_retry_that_the_broker_dead_lettered(self):
        """Its row says nothing of that; the journal knows that an operator has seen to it."""
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        for outcome, counted in (("discarded", "discarded"), (None, "in_flight")):
            journal = self.broken("history", "dlq_items", "INSERT INTO dlq_items VALUES ('job', 1, %s, '', 1, %s, "
                                  "'x', 'x', 'x', '', NULL, now(), %s)", event_id, event_id, outcome)
            with self.lost(event_id), self.delivery(event_id, "history", "now() - interval '1 hour'"), journal:
                told = self.stack.audit("--quiet")
            self.assertTrue(told["holds"], told)
            self.assertEqual(told["counts"][counted], 1)

    def test_what_is_scheduled_is_not_lost(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.lost(event_id), self.delivery(event_id, "history", "NULL", "now() + interval '1 hour'"):
            told = self.stack.audit()
            self.assertTrue(told["holds"], told)
            self.assertEqual(told["counts"]["scheduled"], 1)
            self.finds("outbox.drains")  # quiet, it is not

    def test_what_is_dead_lettered_is_not_lost(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.lost(event_id), self.delivery(event_id, "history.dlq", "now() - interval '1 hour'"):
            self.finds("events.dead")  # it is not there
            with self.message_in("history.dlq"):
                told = self.stack.audit("--quiet")
            self.assertTrue(told["holds"], told)
            self.assertEqual(told["counts"]["dead_letters"], 1)

    def test_dead_letter_queue_that_was_emptied(self):
        letters = self.stack.take("inventory.dlq")
        eventually(lambda: self.stack.queue_totals()["inventory.dlq"] == 0, 60, "it is empty")
        try:
            self.finds("events.dead")
        finally:
            self.publish("inventory.dlq", letters[0][1])
        eventually(lambda: self.stack.queue_totals()["inventory.dlq"] == 1, 60, "it is back")

    def test_what_the_broker_dead_lettered_is_not_lost_for_certain(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.message_in("history.dlq"), self.lost(event_id):
            told = self.verdicts("--quiet")["events.handled"]
        self.assertEqual((told["state"], told["too_old"]), ("ok", 1))

    def test_inbox_row_that_is_gone(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.broken("history", "inbox", "DELETE FROM inbox WHERE event_id = %s", event_id):
            self.finds("events.once")

    def test_inbox_row_without_an_effect(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.broken("history", "order_events", "DELETE FROM order_events WHERE event_id = %s", event_id):
            self.finds("events.once")

    def test_effect_doubled(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.broken("history", "order_events", "INSERT INTO order_events OVERRIDING SYSTEM VALUE SELECT * FROM "
                         "order_events WHERE event_id = %s", event_id):
            self.finds("events.once")

    def test_answer_to_another_event(self):
        """Shipping has answered one event twice and another one not at all."""
        other, _ = self.event("payments", "payment.captured.v1", "two")
        _, seq = self.event("shipping", "shipment.created.v1", "both")
        with self.broken("shipping", "outbox_events", "UPDATE outbox_events SET causation_id = %s WHERE seq = %s",
                         other, seq):
            self.assertEqual(len(self.finds("events.once")["events.once"]), 2)

    def test_handled_and_never_emitted(self):
        with self.broken("payments", "inbox", "INSERT INTO inbox (consumer, event_id) VALUES ('payments', %s)",
                         uuid7(now_ms())):
            self.finds("events.emitted")

    def test_outbox_row_that_is_gone(self):
        """The last one of its aggregate."""
        _, seq = self.event("orders", "order.confirmed.v1")
        with self.broken("orders", "outbox_events", "DELETE FROM outbox_events WHERE seq = %s", seq):
            self.finds("events.emitted", "events.sequence")

    def test_event_id_used_twice(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        _, seq = self.event("payments", "payment.captured.v1")
        with self.broken("payments", "outbox_events", "UPDATE outbox_events SET event_id = %s WHERE seq = %s",
                         event_id, seq):
            self.finds("events.unique", "events.emitted")

    def test_gap_between_two_events(self):
        _, seq = self.event("orders", "order.confirmed.v1")
        with self.broken("orders", "outbox_events orders", "WITH more AS (UPDATE orders SET sequence = sequence + 1 "
                         "WHERE order_id = %s) UPDATE outbox_events SET sequence = sequence + 1 WHERE seq = %s",
                         self.both, seq):
            self.finds("events.sequence")

    def test_aggregate_that_is_further_than_its_events(self):
        with self.broken("payments", "payments", "UPDATE payments SET sequence = sequence + 1 WHERE order_id = %s",
                         self.both):
            self.finds("events.sequence")

    def test_copy_that_is_ahead(self):
        with self.broken("orders", "products", "UPDATE products SET version = version + 1 WHERE sku = 'TEA'"):
            self.finds("events.replicas")

    def test_copy_that_is_gone(self):
        with self.broken("notifications", "customers", "DELETE FROM customers"):
            self.finds("events.replicas")

    def test_original_that_is_gone(self):
        with self.broken("customers", "customers", "DELETE FROM customers"):
            self.finds("events.replicas")

    # ---- 6: outboxes and queues

    def test_event_that_was_not_published(self):
        """The cursors of a lane go back."""
        with self.broken("orders", "outbox_batches", "DELETE FROM outbox_batches b WHERE number > 0 AND lane IN "
                         "(SELECT lane FROM outbox_events WHERE aggregate_id = %s)", self.two):
            self.finds("outbox.drains")

    def test_event_that_is_parked(self):
        _, seq = self.event("orders", "order.confirmed.v1")
        with self.broken("orders", "outbox_held", "INSERT INTO outbox_held (seq, slot, lane, xid, aggregate_type, "
                         "aggregate_id, sequence, created_at, parked_at, reason) SELECT seq, slot, lane, xid, "
                         "aggregate_type, aggregate_id, sequence, created_at, now(), 'unroutable' "
                         "FROM outbox_events WHERE seq = %s", seq):
            self.finds("outbox.parked")

    def test_delivery_that_is_parked(self):
        event_id, _ = self.event("inventory", "stock.reserved.v1")
        with self.delivery(event_id, "history", "NULL", parked_at="now()"):
            self.finds("outbox.parked")

    def test_refund_that_is_parked(self):
        with self.broken("payments", "payments", "UPDATE payments SET status = 'REFUNDING', due_at = 'infinity', "
                         "refused_with = 'no' WHERE order_id = %s", self.orders["undeliverable"]):
            self.finds("payments.parked", "orders.payment")

    def test_message_that_stays_in_a_queue(self):
        with self.message_in("payments"):
            self.finds("queues.drain")
            self.assertEqual(self.broken_now(), {})

    # ---- what can't be proved any more

    def test_what_is_older_than_the_retention_is_not_provable(self):
        """Nothing says any more that the outboxes are younger than that."""
        with contextlib.ExitStack() as old:
            for service in SERVICES:
                old.enter_context(self.broken(service, "outbox_batches", "UPDATE outbox_batches SET taken_at = "
                                              "taken_at - interval '30 days' WHERE number = 0"))
            old.enter_context(self.broken("payments", "inbox", "INSERT INTO inbox (consumer, event_id) VALUES "
                                          "('payments', %s)", uuid7(now_ms() - 20 * DAY_MS)))
            old.enter_context(self.broken("catalog", "outbox_events", "UPDATE outbox_events SET sequence = sequence + "
                                          "1 WHERE aggregate_id = 'SOLD-OUT'"))
            old.enter_context(self.broken("catalog", "products", "UPDATE products SET sequence = sequence + 1 WHERE "
                                          "sku = 'SOLD-OUT'"))
            told = self.verdicts("--quiet")
        self.assertEqual({n: i["broken"] for n, i in told.items() if i["broken"]}, {})
        self.assertEqual({n: i["too_old"] for n, i in told.items() if i["too_old"]},
                         {"events.emitted": 1, "events.sequence": 1})


if __name__ == "__main__":
    unittest.main(verbosity=2)
