#!/usr/bin/python3
"""Two or more processes of one service at the same time: their batches neither
deadlock nor overlook each other. Straight on the SQL functions of the schema. Reads
WB_TEST_PG_DSN (a superuser's)."""
import collections
import json
import random
import sys
import threading
import time
import unittest
from pathlib import Path

import psycopg2

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import saga_model  # noqa: E402
from saga_model import HANDLERS, TABLES, Message, Saga, line, new_id, order_snapshot  # noqa: E402
from stack import eventually, need_env  # noqa: E402


class TwoProcesses(unittest.TestCase):

    def together(self, service, *jobs):
        """Runs job(cursor) over and over in a thread each, as an engine would: again after
        a conflict. Returns how often a transaction deadlocked."""
        deadlocks, failed = [], []

        def work(job):
            connection = saga_model.connect(service)
            try:
                for attempt in job:
                    while True:
                        try:
                            with connection, connection.cursor() as cursor:
                                attempt(cursor)
                            break
                        except psycopg2.errors.DeadlockDetected:
                            deadlocks.append(service)
                        except psycopg2.errors.SerializationFailure:
                            pass
            except Exception as error:  # noqa: BLE001: a thread's failure is the test's
                failed.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return len(deadlocks)

    def test_stock_is_locked_in_one_order(self):
        """Batches that reserve, give back, send out and receive any of 50 SKUs."""
        def batches(rng, until):
            held = []
            while time.monotonic() < until:
                orders = [order_snapshot([line(f"SKU{rng.randrange(50)}")]) for _ in range(20)]
                batch = [Message("inventory", "order.placed.v1", {"order": o}) for o in orders]
                batch += [Message("inventory", "shipment.created.v1", {"order": o}) for o in held[:10]]
                batch += [Message("inventory", "payment.voided.v1", {"order": o, "cause": {}}) for o in held[10:]]
                receipts = {f"SKU{rng.randrange(60)}": 5 for _ in range(5)} if rng.random() < 0.3 else {}

                def attempt(cursor, batch=batch, receipts=receipts):
                    if receipts:
                        saga_model.receive(cursor, receipts)
                    self.assertEqual(len(saga_model.call(cursor, batch)), len(batch))

                yield attempt
                held = orders

        saga = Saga({"inventory": saga_model.connect("inventory")})
        with saga.connections["inventory"] as connection, connection.cursor() as cursor:
            saga_model.receive(cursor, {f"SKU{i}": 1000000 for i in range(50)})
        until = time.monotonic() + 2
        deadlocks = self.together("inventory", *(batches(random.Random(i), until) for i in range(3)))
        self.assertEqual(deadlocks, 0)
        self.assertGreater(saga.rows("inventory", "SELECT sum(shipped) FROM stock")[0][0], 100)

    def test_reserving_races_giving_back(self):
        """order.placed in one process, payment.voided of the same orders in the other."""
        connection = saga_model.connect("inventory")
        saga = Saga({"inventory": connection})
        with connection, connection.cursor() as cursor:
            saga_model.receive(cursor, {"SKU": 1000000})
            # Wide open is the moment between the statements of a function.
            cursor.execute("CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
                           " $$ BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END $$")
            cursor.execute("CREATE TRIGGER dawdle AFTER UPDATE ON stock FOR EACH STATEMENT EXECUTE FUNCTION dawdle()")
        rounds = [[order_snapshot([line("SKU")]) for _ in range(20)] for _ in range(20)]

        def job(event_type, offset_s):
            for orders in rounds:
                def attempt(cursor, orders=orders):
                    batch = [Message("inventory", event_type, {"order": o, "cause": {}}) for o in orders]
                    self.assertEqual(len(saga_model.call(cursor, batch)), len(batch))

                time.sleep(offset_s)
                yield attempt

        self.together("inventory", job("order.placed.v1", 0.003), job("payment.voided.v1", 0))
        with connection, connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER dawdle ON stock; DROP FUNCTION dawdle()")
        self.assertEqual(saga.rows("inventory", "SELECT status, count(*) FROM reservations GROUP BY 1"),
                         [("RELEASED", sum(map(len, rounds)))])
        self.assertEqual(saga.rows("inventory", "SELECT reserved, on_hand FROM stock"), [(0, 1000000)])

    def test_stock_changes_meanwhile(self):
        """A reservation may come to light when the stock that it holds was to be locked already:
        then another process may be changing that row."""
        connection, other = (saga_model.connect("inventory") for _ in range(2))
        saga = Saga({"inventory": connection})
        orders = [order_snapshot([line("MEANWHILE")]) for _ in range(2)]
        with connection, connection.cursor() as cursor:
            saga_model.receive(cursor, {"MEANWHILE": 100})

        def change(function, order, *columns):
            with connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT outcome FROM {function}(ARRAY[1], ARRAY[%s]::uuid[], ARRAY[%s]::uuid[]" +
                               "".join(", ARRAY[%s]::json[]" for _ in columns) + ")",
                               (new_id(), order["order_id"], *map(json.dumps, columns)))

        for step, stock in ((("reserve_stock", orders[0], orders[0]["lines"]), (101, 100, 1, 0)),
                            (("ship_stock", orders[0]), (102, 101, 0, 1)),
                            (("reserve_stock", orders[1], orders[1]["lines"]), (103, 101, 1, 1)),
                            (("release_stock", orders[1], {}), (104, 103, 0, 1))):
            with other, other.cursor() as cursor:
                saga_model.receive(cursor, {"MEANWHILE": 1})
                thread = threading.Thread(target=change, args=step)
                thread.start()
                eventually(lambda pid=connection.info.backend_pid: self.waits(pid), 30, f"{step[0]} waits")
            thread.join()
            self.assertEqual(saga.rows("inventory", "SELECT received, on_hand, reserved, shipped FROM stock"
                                       " WHERE sku = 'MEANWHILE'"), [stock], step[0])
        for each in (connection, other):
            each.close()

    @staticmethod
    def waits(pid):
        """Whether this backend waits for a lock."""
        connection = saga_model.connect("inventory")
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", (pid,))
            (n,) = cursor.fetchone()
        connection.close()
        return n > 0

    def test_rows_are_locked_in_one_order(self):
        """Any batches of the same orders in three processes, and the charger's settling:
        of brand-new orders, where inserting locks, and of those that are there."""
        cause = {"code": "TIMEOUT", "step": "orders", "detail": ""}
        shipment = {"shipment_id": new_id(), "tracking_number": "T", "carrier": "C"}
        for service in ("payments", "shipping", "orders"):
            saga = Saga({s: saga_model.connect(s) for s in {service, "orders"}})
            rounds = [[order_snapshot([line("SKU")]) for _ in range(30)] for _ in range(40)]
            if service == "orders":
                for orders in rounds:
                    saga.place(orders, lambda _: False)
            n_jobs = 4 if service == "payments" else 3
            start = threading.Barrier(n_jobs, timeout=60)

            def batches(rng, service=service, rounds=rounds, start=start):
                for orders in rounds:
                    batch = [Message(service, rng.choice(list(HANDLERS[service])),
                                     {"order": o, "cause": cause, **({"shipment": shipment} if rng.random() < 0.5 else {})})
                             for o in rng.sample(orders, 20)]
                    start.wait()
                    yield lambda cursor, batch=batch: self.assertEqual(len(saga_model.call(cursor, batch)), len(batch))

            def settling(rng, rounds=rounds, start=start):
                for orders in rounds:
                    ids = [o["order_id"] for o in orders]
                    start.wait()
                    yield lambda cursor: cursor.execute("SELECT claim_payments(40, 0)")
                    yield lambda cursor, ids=ids: cursor.execute(
                        "SELECT settle_payments(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], 5)",
                        (ids, [rng.choice(("CAPTURED", "DECLINED", "REFUNDED")) for _ in ids], ids, [""] * 30, [0] * 30))

            jobs = [batches(random.Random(i)) for i in range(3)]
            if service == "payments":
                jobs.append(settling(random.Random(4)))
            with self.subTest(service=service):
                self.assertEqual(self.together(service, *jobs), 0)
            for connection in saga.connections.values():
                connection.close()

    def test_every_pair_on_one_order(self):
        """Two events of one order at the same time have the outcome of one after the other."""
        cause = {"code": "TIMEOUT", "step": "orders", "detail": ""}
        shipment = {"shipment_id": "0190a5d0-ac96-774b-8cce-b302099a8057", "tracking_number": "T", "carrier": "C"}
        for service, handlers in HANDLERS.items():
            connections = {s: saga_model.connect(s) for s in (service, "orders")}
            saga = Saga(connections)
            if service == "inventory":
                with connections[service] as connection, connection.cursor() as cursor:
                    saga_model.receive(cursor, {"SKU": 1000})
            befores = [None, *handlers]
            for before, first, second in ((b, f, s) for b in befores for f in handlers for s in handlers):
                def seen(kinds, order, is_together=False):
                    messages = [Message(service, kind, {"order": order, "cause": cause, **(
                        {"shipment": shipment} if kind.startswith("shipment.") and service == "orders" else {})})
                        for kind in kinds if kind]
                    return self._outcomes(saga, service, messages, is_together)

                orders = [order_snapshot([line("SKU")]) for _ in range(3)]
                if service == "orders":
                    saga.place(orders, lambda _: False)
                serial = [seen((before, first, second), orders[0]), seen((before, second, first), orders[1])]
                together = seen((before, first, second), orders[2], True)
                self.assertIn(together, serial, (service, before, first, second))
            for connection in connections.values():
                connection.close()

    def _outcomes(self, saga, service, messages, is_together):
        """({event type: its outcomes}, state of the order); the last two together, or one
        after the other."""
        answers = collections.defaultdict(list)

        def handle(cursor, message):
            (_, outcome, _, _), = saga_model.call(cursor, [message])
            answers[message.type].append(outcome)

        *before, first, second = messages
        connection = saga.connections[service]
        for message in before if is_together else messages:
            with connection, connection.cursor() as cursor:
                handle(cursor, message)
        if is_together:
            with connection.cursor() as cursor:
                handle(cursor, first)
                other = threading.Thread(target=self.together, args=(service, [lambda c: handle(c, second)]))
                other.start()
                other.join(0.01)  # blocked by now, if it will be
                connection.commit()
                other.join()
        (state,), = saga.rows(service, f"SELECT status FROM {TABLES[service]} WHERE order_id = %s",
                              (messages[0].order_id,)) or [(None,)]
        return {kind: sorted(outcomes) for kind, outcomes in answers.items()}, state

    def test_history_takes_any_batches(self):
        """Events of the same orders in three processes."""
        saga_model.create_databases(["history"])
        orders = [new_id() for _ in range(40)]
        now, nobody = "2026-01-01T00:00:00Z", orders[0]

        def batches(rng, until):
            while time.monotonic() < until:
                ids = sorted(rng.sample(orders, 20))
                n = len(ids)
                events = [new_id() for _ in ids]
                arguments = (list(range(1, n + 1)), events, ids, ["/orders"] * n, ["order.placed.v1"] * n, [1] * n,
                             [now] * n, [json.dumps({})] * n, [None] * n, [nobody] * n, ["EUR"] * n, [1] * n, [now] * n)
                yield lambda cursor, arguments=arguments: cursor.execute(
                    "SELECT record_event(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bigint[],"
                    " %s::timestamptz[], %s::json[], %s::json[], %s::uuid[], %s::text[], %s::bigint[],"
                    " %s::timestamptz[])", arguments)

        until = time.monotonic() + 1
        deadlocks = self.together("history", *(batches(random.Random(i), until) for i in range(3)))
        saga_model.drop_databases(["history"])
        self.assertEqual(deadlocks, 0)


if __name__ == "__main__":
    need_env("WB_TEST_PG_DSN")
    saga_model.create_databases()
    try:
        unittest.main(verbosity=2)
    finally:
        saga_model.drop_databases()
