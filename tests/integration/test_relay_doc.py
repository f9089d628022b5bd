#!/usr/bin/python3
"""docs/relay.md, followed to the letter: its SQL, Python and Node run here against
a relay that serves a database which has nothing else of Waybill.

usage: test_relay_doc.py OUTBOX_RELAY   (by ctest; needs WB_TEST_PG_DSN, WB_TEST_AMQP_URL)
The Node snippet is run where node and its module pg are; NODE_PATH is heeded.
"""
import atexit
import json
import os
import re
import subprocess
import sys
import time
import unittest
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELAY = sys.argv.pop(1) if len(sys.argv) > 1 else ""
if not (RELAY and os.environ.get("WB_TEST_PG_DSN") and os.environ.get("WB_TEST_AMQP_URL")):
    print("skipped: needs OUTBOX_RELAY, WB_TEST_PG_DSN and WB_TEST_AMQP_URL")
    raise SystemExit(77)

import pika  # noqa: E402

PG = urllib.parse.urlsplit(os.environ["WB_TEST_PG_DSN"])
AMQP = os.environ["WB_TEST_AMQP_URL"]
NAME = f"relay_doc_{os.getpid()}"
PASSWORD = "of-the-page"
ROLES = ("shop", "outbox_relay")
EXCHANGE = NAME + ".events"
AUDIT = "shop.audit"  # the page's, for routes
BOUND = ("parcel.sent.v1", "parcel.delivered.v1", "parcel.paid.v1")
UNPUBLISHED = "SELECT count(*) FROM outbox_unpublished"


def url(database, role=None):
    place = PG.netloc if role is None else f"{role}:{PASSWORD}@{PG.hostname}:{PG.port or 5432}"
    return f"postgres://{place}/{database}"


def psql(text, dsn):
    return subprocess.run(["psql", "-XAtqv", "ON_ERROR_STOP=1", dsn], input=text, text=True,
                          check=True, capture_output=True, timeout=30).stdout.strip()


def relay(*flags):
    """An installation: (status, stdout, stderr)."""
    done = subprocess.run([RELAY, *flags], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Page:
    """The fenced snippets by heading, and which of them have been run; of tables, the
    first column."""

    def __init__(self):
        self.snippets, self.tables = [], {}
        heading, fence, lines = "", None, []
        for line in (ROOT / "docs" / "relay.md").read_text().splitlines():
            if line.startswith("```"):
                if fence is not None:
                    self.snippets.append((heading, fence, "\n".join(lines) + "\n"))
                fence, lines = (line[3:], []) if fence is None else (None, [])
            elif fence is not None:
                lines.append(line)
            elif line.startswith("## "):
                heading = line[3:]
            elif line.startswith("| "):  # the first column
                self.tables.setdefault(heading, []).append(line.split(" | ")[0])
        self.todo = [s for s in self.snippets if s[1].split(" ")[0] in ("sql", "python", "js")]

    def take(self, heading, fence):
        """The next snippet of this kind below the heading."""
        for snippet in self.todo:
            if snippet[:2] == (heading, fence):
                self.todo.remove(snippet)
                return snippet[2]
        raise AssertionError(f"no ```{fence} left below {heading}")


class RelayPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = Page()
        cls.child = None
        cls.new_roles = []
        atexit.register(cls.clean_up)  # also when this fails half-way
        for role in ROLES:
            if psql(f"SELECT to_regrole('{role}') IS NULL", url("postgres")) == "t":
                psql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'", url("postgres"))
                cls.new_roles.append(role)
        cls.broker = pika.BlockingConnection(pika.URLParameters(AMQP))
        cls.channel = cls.broker.channel()
        cls.channel.exchange_declare(EXCHANGE, "direct")
        cls.channel.exchange_declare(AUDIT, "direct", auto_delete=True)
        for queue in ("tracking", "reminders"):
            cls.channel.queue_declare(queue, exclusive=True)
        for key in BOUND:
            cls.channel.queue_bind("tracking", EXCHANGE, key)
        cls.channel.queue_bind("tracking", AUDIT, "parcels.small")

    @classmethod
    def clean_up(cls):
        if cls.child is not None:
            cls.child.kill()
        for database in (NAME, NAME + "_rails"):
            psql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", url("postgres"))
        for role in cls.new_roles:
            psql(f"DROP ROLE {role}", url("postgres"))
        cls.channel.exchange_delete(EXCHANGE)
        cls.broker.close()

    @classmethod
    def start_relay(cls, dsn):
        cls.child = subprocess.Popen(
            [RELAY, "--sources=shop=" + dsn, "--amqp-brokers=" + AMQP, "--exchange=" + EXCHANGE,
             "--dataschema-prefix=", "--max-attempts=2", "--retry-base-ms=10"],
            stderr=subprocess.PIPE, text=True)

    @classmethod
    def stop_relay(cls):
        cls.child.terminate()
        log = cls.child.communicate(timeout=30)[1]
        status, cls.child = cls.child.returncode, None
        return status, log

    def message(self, queue, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            method, properties, body = self.channel.basic_get(queue, auto_ack=True)
            if method is not None:
                return method, properties, json.loads(body)
            time.sleep(0.02)
        raise AssertionError(f"nothing in {queue}")

    def eventually(self, query, answer, seconds=20):
        deadline = time.monotonic() + seconds
        while psql(query, url(NAME)) != answer:
            self.assertLess(time.monotonic(), deadline, query)
            time.sleep(0.05)

    # ---- in the order of the page

    def test_1_install(self):
        psql(f"CREATE DATABASE {NAME}", url("postgres"))
        said = next(s[2] for s in self.page.snippets if s[:2] == ("Install", ""))
        flags = ("--install=" + url(NAME), "--install-role=outbox_relay")
        self.assertEqual(relay(*flags), (0, said, ""))
        self.assertEqual(relay(*flags),
                         (0, "".join(said.splitlines(keepends=True)[-2:]), ""), "again")
        files = sorted(p.name for p in (ROOT / "schema" / "messaging").glob("*.sql"))
        rows = psql("SELECT name, checksum FROM schema_migrations WHERE part = 'messaging'"
                    " ORDER BY number", url(NAME)).splitlines()
        sums = subprocess.run(["sha256sum", *files], cwd=ROOT / "schema" / "messaging", text=True,
                              check=True, capture_output=True).stdout.splitlines()
        self.assertEqual(rows, [f"{line[66:]}|{line[:64]}" for line in sums])

    def test_2_install_that_fails(self):
        for flags, status, words in (
                (("--install=" + url(NAME), '--install-role=no"such'), 1, "does not exist"),
                (("--install=" + url("no_such_" + NAME), "--install-deadline-ms=300"), 1,
                 "does not exist"),
                (("--install-role=shop",), 2, "with install"),
                (("--install=" + url(NAME), "--install-deadline-ms=soon"), 2, "install-deadline-ms")):
            got, out, err = relay(*flags)
            self.assertEqual(got, status, flags)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertIn(words, err)

    def test_3_a_schema_of_its_own(self):
        """Beside another tool's schema_migrations."""
        psql(f"CREATE DATABASE {NAME}_rails", url("postgres"))
        psql("CREATE TABLE schema_migrations (version text); CREATE SCHEMA outbox;"
             "GRANT USAGE ON SCHEMA outbox TO outbox_relay", url(NAME + "_rails"))
        option = "?options=-csearch_path%3Doutbox"
        self.assertEqual(relay("--install=" + url(NAME + "_rails"))[0], 1)
        self.assertEqual(relay("--install=" + url(NAME + "_rails") + option,
                               "--install-role=outbox_relay")[0], 0)
        self.start_relay(url(NAME + "_rails", "outbox_relay") + option)
        psql("SET search_path = public, outbox; INSERT INTO outbox_events"
             " (aggregate_type, aggregate_id, event_type, payload)"
             " VALUES ('parcel', 'P-9', 'parcel.sent.v1', '{}')", url(NAME + "_rails"))
        self.assertEqual(self.message("tracking")[2]["subject"], "P-9")
        self.assertEqual(self.stop_relay()[0], 0)

    def test_4_producers(self):
        psql(self.page.take("Rights", "sql"), url(NAME))
        type(self).start_relay(url(NAME, "outbox_relay"))
        psql(self.page.take("A producer in SQL", "sql shop"), url(NAME, "shop"))
        self.check_wire(*self.message("tracking"))
        self.run_snippet(sys.executable, "-c", self.page.take("A producer in Python", "python"))
        self.check_event("parcel.delivered.v1", 2, {"signed_by": "Ada"})
        node = self.page.take("A producer in Node", "js")
        if subprocess.run(["sh", "-c", "node -e 'require(\"pg\")'"], capture_output=True,
                          check=False).returncode != 0:
            print("skipped: the Node snippet (no node, or no module pg)")
            return
        self.run_snippet("node", "-e", node)
        self.check_event("parcel.paid.v1", 3, {"minor": 1250, "currency": "GBP"})

    def run_snippet(self, *command):
        subprocess.run(command, env={**os.environ, "DATABASE_URL": url(NAME, "shop")}, check=True,
                       timeout=30)

    def check_event(self, event_type, sequence, data):
        method, _, body = self.message("tracking")
        self.assertEqual((method.routing_key, body["type"], body["data"]),
                         (event_type, event_type, data))
        self.assertEqual(body["sequence"], f"{sequence:020}")

    def check_wire(self, method, properties, body):
        """The page's example and its table, but for what differs each time."""
        shown = json.loads(next(s[2] for s in self.page.snippets if s[:2] == ("On the wire", "json")))
        self.assertEqual(list(body), list(shown))
        same = set(shown) - {"id", "time"}
        self.assertEqual({k: body[k] for k in same}, {k: shown[k] for k in same})
        self.assertEqual((method.exchange, method.routing_key), (EXCHANGE, shown["type"]))
        self.assertEqual(
            (properties.message_id, properties.type, properties.content_type,
             properties.delivery_mode, properties.app_id, properties.correlation_id),
            (body["id"], shown["type"], "application/cloudevents+json", 2, "shop", "req-7"))
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(properties.timestamp))
        self.assertEqual(body["time"][:19], stamp)

    def test_5_deliveries(self):
        started = time.monotonic()
        psql(self.page.take("Retries and scheduled messages", "sql shop"), url(NAME, "shop"))
        method, properties, body = self.message("reminders")
        self.assertGreater(time.monotonic() - started, 0.9, "not before it is due")
        self.assertEqual((method.exchange, properties.type, properties.headers, body),
                         ("", "parcel.reminder", {"parcel": "P-1"}, {"parcel_id": "P-1"}))

    def test_6_routes(self):
        psql(self.page.take("Routes", "sql shop"), url(NAME, "shop"))
        method, properties, body = self.message("tracking")
        self.assertEqual((method.exchange, method.routing_key), (AUDIT, "parcels.small"))
        self.assertEqual(properties.headers, {"tenant": "acme", "priority": 7})
        self.assertEqual((properties.type, body["type"], body["subject"]),
                         ("parcel.sent.v1", "parcel.sent.v1", "P-2"))

    def test_7_parked_rows(self):
        for parcel in ("P-3", "P-4"):
            psql("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)"
                 f" VALUES ('parcel', '{parcel}', 'parcel.lost.v1', '{{}}'),"
                 f" ('parcel', '{parcel}', 'parcel.sent.v1', '{{}}')", url(NAME, "shop"))
        self.eventually("SELECT count(*) FROM outbox_parked", "2")
        seen = psql(self.page.take("Parked rows", "sql"), url(NAME))
        parked = re.findall(
            r"event\|\d+\|parcel.lost.v1\|parcel:P-\d\|2\|.*\|UNROUTABLE: 312 NO_ROUTE", seen)
        self.assertEqual(len(parked), 2, seen)
        self.channel.queue_bind("tracking", EXCHANGE, "parcel.lost.v1")
        self.assertEqual(psql(self.page.take("Parked rows", "sql"), url(NAME)), "t")
        got = [self.message("tracking")[2] for _ in range(2)]
        self.assertEqual([(m["subject"], m["type"]) for m in got],
                         [("P-3", "parcel.lost.v1"), ("P-3", "parcel.sent.v1")])
        self.assertEqual(psql(self.page.take("Parked rows", "sql"), url(NAME)), "t")
        _, _, after = self.message("tracking")
        self.assertEqual((after["subject"], after["type"]), ("P-4", "parcel.sent.v1"))

    def test_8_what_is_there(self):
        self.eventually(UNPUBLISHED, "0")
        seen = psql(self.page.take("What is in the database", "sql"), url(NAME)).splitlines()
        self.assertEqual(seen[0], "0|")
        self.assertRegex(seen[1], r"^parcel\.sent\.v1\|1\|.*\|f$")
        named = re.findall(r"`((?:outbox|inbox)\w*)`", "".join(self.page.tables["What is in the database"]))
        there = psql("SELECT relname FROM pg_class WHERE relname ~ '^(outbox|inbox)' AND"
                     " (relkind IN ('p', 'v') OR relkind = 'r' AND NOT relispartition)", url(NAME))
        self.assertEqual(set(named), set(there.splitlines()))

    def test_8_metrics(self):
        """The page names those that there are."""
        named = re.findall(r"`(wb_relay_\w+)", "".join(self.page.tables["Metrics"]))
        code = "".join(p.read_text() for p in (ROOT / "outbox-relay").glob("*.c"))
        self.assertEqual(set(named), set(re.findall(r'"(wb_relay_\w+)"', code)))

    def test_9_the_end(self):
        """... and a restored dump, as far as this server can tell of one."""
        status, log = self.stop_relay()
        self.assertEqual(status, 0, log)
        self.assertEqual(log.count("WB-RELAY-PARKED"), 2, log)
        psql("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)"
             " VALUES ('parcel', 'P-1', 'parcel.sent.v1', '{}')", url(NAME, "shop"))
        self.assertEqual(psql(self.page.take("Restoring a dump", "sql"), url(NAME)), "1")
        self.start_relay(url(NAME, "outbox_relay"))
        self.assertEqual(self.message("tracking")[2]["subject"], "P-1")
        self.assertEqual(self.stop_relay()[0], 0)
        self.assertEqual(self.page.todo, [], "snippets that no test runs")


if __name__ == "__main__":
    unittest.main(failfast=True)
