#!/usr/bin/python3
"""`waybill outbox` on a shipped relay: what nobody is bound for is parked, shown,
tried again and discarded; in the services' databases and in one of somebody else's.
The tests run in the order of their numbers."""
import json
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from ops_case import RELAY, Waybill, dsn_of  # noqa: E402
from stack import SERVICES, Stack, eventually  # noqa: E402

import psycopg2  # noqa: E402

TYPE = "nobody.asked.v1"
ALONE = "ops_alone"


class Outbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack("ops", env={"outbox-relay": RELAY})
        # A team that uses nothing but the relay.
        stack.sql("postgres", f"DROP DATABASE IF EXISTS {ALONE} WITH (FORCE)")
        stack.sql("postgres", f"CREATE DATABASE {ALONE}")
        subprocess.run([stack.bin / "outbox-relay", f"--install={dsn_of(stack, ALONE)}", "--install-role=relay"],
                       check=True, stdout=subprocess.DEVNULL)
        relay = stack.processes["outbox-relay"]
        relay.env["WB_SOURCES"] += f" alone={dsn_of(stack, ALONE)}"
        stack.start("outbox-relay")
        with stack.connect() as connection:
            connection.channel().queue_declare("tap", durable=True)

    @classmethod
    def tearDownClass(cls):
        cls.stack.stop()

    def setUp(self):
        self.outbox = Waybill(self, self.stack, "outbox")

    # ---- helpers

    def insert(self, database, aggregate, event_type=TYPE, n=1):
        for i in range(n):
            self.stack.sql(database, "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                           "VALUES ('thing', %s, %s, '{\"n\": 7}')", (aggregate, event_type))

    def bind(self, event_type):
        with self.stack.connect() as connection:
            connection.channel().queue_bind("tap", "waybill.events", event_type)

    def unbind(self, event_type):
        with self.stack.connect() as connection:
            connection.channel().queue_unbind("tap", "waybill.events", event_type)

    def parked(self, *args, **options):
        return self.outbox.ask("parked", *args, **options)["parked"]

    def await_parked(self, n, *args, **options):
        def look():
            rows = self.parked(*args, **options)
            return (rows,) if len(rows) == n else None
        return eventually(look, 60, f"{n} parked rows")[0]

    def overview(self, *args, **options):
        return {row["outbox"]: row for row in self.outbox.ask("list", *args, **options)["outboxes"]}

    def await_empty(self, outbox, *args, **options):
        eventually(lambda: self.overview(*args, **options)[outbox]["events"] == 0, 60, f"{outbox} is published")

    def sequences(self):
        """Of what has come to the tap, in order."""
        return [int(json.loads(body)["sequence"]) for _, body in self.stack.take("tap")]

    # ---- one after the other

    def test_1_nothing_to_see(self):
        out, _ = self.outbox.run("parked")
        self.assertEqual(out, "Nothing is parked.\n")
        rows = self.overview()
        self.assertEqual(set(rows), set(SERVICES))
        for row in rows.values():
            self.assertEqual((row["events"], row["held"], row["due"], row["scheduled"], row["parked"], row["error"]),
                             (0, 0, 0, 0, 0, None))
            self.assertIsNone(row["oldest_ms"])
        out, _ = self.outbox.run()  # list is what is meant
        self.assertRegex(out, r"(?m)^OUTBOX +EVENTS +OLDEST +HELD +DUE +SCHEDULED +PARKED +OPEN +PID +BY$")
        self.assertEqual(len(out.splitlines()), 1 + len(SERVICES))

    def test_2_parked_and_tried_again(self):
        database = self.stack.database("catalog")
        self.insert(database, "A", n=3)
        row = self.await_parked(1)[0]
        self.assertRegex(row["id"], r"^catalog:event:\d+$")
        self.assertEqual((row["type"], row["of"], row["attempts"], row["behind"]), (TYPE, "thing:A", 2, 2))
        self.assertIn("NO_ROUTE", row["reason"])
        overview = self.overview()["catalog"]
        self.assertEqual((overview["parked"], overview["events"], overview["held"]), (1, 2, 2))
        self.assertGreaterEqual(overview["oldest_ms"], 0)
        self.assertEqual(self.parked("inventory"), [])
        self.assertEqual(self.parked("--type=another.v1"), [])
        shown = self.outbox.ask("show", row["id"])["row"]
        self.assertEqual((shown["event_id"], shown["payload"], shown["attempts"]), (row["event_id"], {"n": 7}, 2))
        self.assertIn('"n": 7', self.outbox.run("show", row["id"])[0])

        # Still nobody is bound: it is parked once more.
        self.assertEqual(self.outbox.run("retry", row["id"])[0], "1 of 1 retried.\n")
        again = self.await_parked(1)[0]
        self.assertEqual(again["id"], row["id"])
        self.assertEqual(self.sequences(), [])

        self.bind(TYPE)
        self.assertEqual(self.outbox.ask("retry", row["id"])["rows"], [{"id": row["id"], "retried": True}])
        self.await_empty("catalog")
        self.assertEqual(self.sequences(), [1, 2, 3])
        self.assertEqual(self.parked(), [])
        _, err = self.outbox.run("retry", row["id"], status=1)
        self.assertEqual(err, f"waybill outbox retry: {row['id']}: there is no such parked row\n")
        self.unbind(TYPE)

    def test_3_all_of_a_type(self):
        for service in ("catalog", "shipping"):
            self.insert(self.stack.database(service), "B")
            self.insert(self.stack.database(service), "C", "another.v1")
        self.await_parked(4)
        out, err = self.outbox.run("parked", "catalog", "--limit=1")
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn("only the first 1", err)
        self.bind(TYPE)
        self.assertEqual(self.outbox.run("retry", f"--type={TYPE}")[0], "2 of 2 retried.\n")
        eventually(lambda: self.stack.queue_depth("tap") == 2, 60, "both are published")
        self.sequences()
        self.assertEqual([row["type"] for row in self.await_parked(2)], ["another.v1"] * 2)
        self.bind("another.v1")
        self.assertEqual(self.outbox.run("retry", "--all", "shipping")[0], "1 of 1 retried.\n")
        self.assertEqual([row["id"].split(":")[0] for row in self.await_parked(1)], ["catalog"])
        self.outbox.run("retry", "--all")
        self.await_parked(0)
        self.await_empty("catalog")
        self.sequences()
        self.unbind(TYPE)
        self.unbind("another.v1")

    def test_4_discarded_with_a_copy(self):
        database = self.stack.database("catalog")
        self.insert(database, "D")
        self.insert(database, "D", "wanted.v1")
        self.bind("wanted.v1")
        row = self.await_parked(1)[0]
        _, err = self.outbox.run("discard", row["id"], status=2)
        self.assertEqual(err, "waybill outbox discard: needs --reason\n")
        self.assertEqual(len(self.parked()), 1)
        self.outbox.run("discard", row["id"], "--reason=ticket 4711", "--who=ada")
        self.await_empty("catalog")
        self.assertEqual(self.sequences(), [2])
        number = int(row["id"].split(":")[2])
        copies = self.stack.sql(database, "SELECT event_id::text, attempts, reason, why FROM outbox_discarded")
        self.assertEqual(copies, [(row["event_id"], 2, row["reason"], "ticket 4711 (by ada)")])
        self.assertEqual(self.stack.sql(database, "SELECT payload->>'n' FROM outbox_events WHERE seq = %s",
                                        (number,)), [("7",)])
        self.unbind("wanted.v1")

    def test_5_a_delivery(self):
        database = self.stack.database("inventory")
        self.stack.sql(database, "INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, attempt, "
                       "content_type, headers, body) VALUES ('inventory', 'no-such-queue', 'thing.v1', %s, 2, "
                       "'text/plain', '{\"why\": \"test\"}', %s)", (str(uuid.uuid4()), b"\xff\x1bhello"))
        row = self.await_parked(1)[0]
        self.assertRegex(row["id"], r"^inventory:delivery:\d+$")
        self.assertEqual((row["of"], row["type"], row["behind"]), ("no-such-queue", "thing.v1", 0))
        out, _ = self.outbox.run("show", row["id"])
        self.assertIn("hello", out)
        self.assertNotIn("\x1b", out)
        self.outbox.run("discard", "--type=thing.v1", "--reason=nobody reads it", "--who=ada")
        self.assertEqual(self.parked(), [])
        kept = self.stack.sql(database, "SELECT reason, body FROM outbox_deliveries")
        self.assertIn("nobody reads it (by ada)", kept[0][0])
        self.assertEqual(bytes(kept[0][1]), b"\xff\x1bhello")
        self.stack.sql(database, "INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, attempt, "
                       "content_type, body, due_at) VALUES ('inventory', 'tap', 'thing.v1', %s, 0, 'text/plain', "
                       "'', now() + interval '1 hour')", (str(uuid.uuid4()),))
        overview = self.overview("inventory")["inventory"]
        self.assertEqual((overview["due"], overview["scheduled"]), (0, 1))

    def test_6_an_open_transaction(self):
        database = self.stack.database("orders")
        connection = psycopg2.connect(dsn_of(self.stack, database), application_name="forgetful")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id(), pg_backend_pid()")
                pid = cursor.fetchone()[1]

            def seen():
                row = self.overview("orders")["orders"]
                return row if row["transaction_pid"] == pid else None
            row = eventually(seen, 60, "the transaction is told")
            self.assertEqual((row["transaction_by"], row["transaction_state"]), ("forgetful", "idle in transaction"))
            self.assertGreaterEqual(row["transaction_ms"], 1000)
            self.assertIn("forgetful", self.outbox.run("list")[0])
        finally:
            connection.close()

    def test_6_a_prepared_transaction(self):
        """It has no PID; it is called as BY says."""
        database = self.stack.database("orders")
        connection = psycopg2.connect(dsn_of(self.stack, database))
        connection.tpc_begin("ops forgotten")
        connection.cursor().execute("SELECT pg_current_xact_id()")
        connection.tpc_prepare()
        connection.close()
        try:
            def seen():
                row = self.overview("orders")["orders"]
                return row if row["transaction_state"] == "prepared" else None
            row = eventually(seen, 60, "the transaction is told")
            self.assertIsNone(row["transaction_pid"])
            self.assertGreaterEqual(row["transaction_ms"], 1000)
            self.assertRegex(self.outbox.run("list")[0], r"(?m)^orders .* - +ops forgotten$")
        finally:
            self.stack.sql(database, "ROLLBACK PREPARED 'ops forgotten'")
        eventually(lambda: self.overview("orders")["orders"]["transaction_state"] != "prepared", 60, "it is gone")

    def test_7_anybodys_database(self):
        env = {"WB_DATABASES": None, "WB_DSN": dsn_of(self.stack, ALONE)}
        self.insert(ALONE, "Z")
        row = self.await_parked(1, env=env)[0]
        self.assertRegex(row["id"], rf"^{ALONE}:event:\d+$")
        self.assertEqual(list(self.overview(env=env)), [ALONE])
        self.assertEqual(list(self.overview("alone", env={"WB_DATABASES": f"alone={env['WB_DSN']}"})), ["alone"])
        self.bind(TYPE)
        self.outbox.run("retry", row["id"], env=env)
        self.await_empty(ALONE, env=env)
        self.assertEqual(self.sequences(), [1])
        self.unbind(TYPE)

    def test_8_what_is_wrong(self):
        self.stack.sql("postgres", "DROP DATABASE IF EXISTS ops_empty WITH (FORCE)")
        self.stack.sql("postgres", "CREATE DATABASE ops_empty")
        env = {"WB_DATABASES": f"a={dsn_of(self.stack, self.stack.database('orders'))}\n"
               f"b={dsn_of(self.stack, 'ops_empty')} c=postgres://127.0.0.1:1/c", "WB_WAIT_MS": "5000"}
        rows = self.overview("a", "b", "c", status=1, env=env)
        self.assertEqual(rows["a"]["error"], None)
        self.assertIn("outbox_unpublished", rows["b"]["error"])
        self.assertIn("refused", rows["c"]["error"])
        out, err = self.outbox.run("list", "a", "b", "c", status=1, env=env)
        self.assertEqual(len(err.splitlines()), 2)
        self.assertEqual(len(out.splitlines()), 4)
        for args, text in ((("retry",), "which ones?"), (("retry", "catalog"), "no ID"),
                           (("retry", "catalog:thing:1"), "no ID"), (("retry", "catalog:event:1x"), "no ID"),
                           (("list", "../x"), "not a plain name"), (("list", "orders", "orders"), "named twice")):
            _, err = self.outbox.run(*args, status=2)
            self.assertIn(text, err)
            self.assertEqual(len(err.splitlines()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
