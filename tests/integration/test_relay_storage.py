#!/usr/bin/python3
"""What the relay's tables say and keep: what is unpublished while much is in flight,
late commits, transactions larger than a batch, parked events and their ends, routes
per row, days that are given back, and a dump that is restored elsewhere.

usage: test_relay_storage.py OUTBOX_RELAY   (by ctest; needs WB_TEST_PG_DSN, WB_TEST_AMQP_URL)
"""
import json
import os
import subprocess
import sys
import time
import unittest
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
RELAY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
DSN, AMQP = os.environ.get("WB_TEST_PG_DSN"), os.environ.get("WB_TEST_AMQP_URL")
if RELAY is None or not DSN or not AMQP:
    print("skipped: needs OUTBOX_RELAY, WB_TEST_PG_DSN and WB_TEST_AMQP_URL")
    raise SystemExit(77)

from own_servers import Postgres, make_folder, pg_bin  # noqa: E402
from relay_process import Relay  # noqa: E402
from stack import eventually  # noqa: E402

import pika  # noqa: E402
import psycopg2  # noqa: E402

NAME = f"relay_storage_{os.getpid()}"
ROLE = NAME  # the relay's, with the rights that --install-role gives
HOME = urllib.parse.urlsplit(DSN)._replace(path="/" + NAME).geturl()
AS_RELAY = urllib.parse.urlsplit(HOME)
AS_RELAY = AS_RELAY._replace(
    netloc=f"{ROLE}:{ROLE}@{AS_RELAY.hostname}:{AS_RELAY.port or 5432}").geturl()
KEY, LOST_KEY = "thing.happened.v1", "thing.lost.v1"  # no queue is bound for the second
INSERT = "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)"
# A relay that is only woken, and does not look by itself.
SELDOM = ("--sweep-ms=600000", "--max-sleep-ms=60000")


def session(dsn=HOME):
    connection = psycopg2.connect(dsn, connect_timeout=10)
    connection.autocommit = True
    return connection


def run_sql(query, dsn=HOME):
    connection = session(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def ask(query, dsn=HOME):
    return run_sql(query, dsn)[0][0]


def install(dsn, role=None):
    flags = ["--install=" + dsn] + (["--install-role=" + role] if role else [])
    subprocess.run([RELAY, *flags], check=True, capture_output=True, timeout=60)


def insert(n, aggregate="a", n_aggregates=1, key=KEY, slot_of="now()"):
    """n events in one transaction: each in turn of aggregate-0, aggregate-1 …"""
    run_sql("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, slot)"
            f" SELECT 'thing', '{aggregate}-' || i % {n_aggregates}, '{key}', '{{}}',"
            f" outbox_slot({slot_of}) FROM generate_series(0, {n} - 1) AS i")


class Queue:
    """All that is published with KEY, and the order in which it came first."""

    def __init__(self, exchange):
        self.connection = pika.BlockingConnection(pika.URLParameters(AMQP))
        self.channel = self.connection.channel()
        self.channel.exchange_declare(exchange, "direct")
        self.name = self.channel.queue_declare("", exclusive=True).method.queue
        self.bind(exchange, KEY)
        self.seen = {}  # aggregate: sequences, by their first delivery
        self.n_different = 0
        self.last = None

    def bind(self, exchange, key):
        self.channel.queue_bind(self.name, exchange, key)

    def depth(self):
        return self.channel.queue_declare(self.name, passive=True).method.message_count

    def take(self):
        """What is there now; how many different events there have been."""
        for _ in range(self.depth()):
            method, properties, body = self.channel.basic_get(self.name, auto_ack=True)
            event = json.loads(body)
            self.last = method, properties, event
            sequences = self.seen.setdefault(event["subject"], [])
            if int(event["sequence"]) not in sequences:
                sequences.append(int(event["sequence"]))
                self.n_different += 1
        return self.n_different

    def close(self, *exchanges):
        for exchange in exchanges:
            self.channel.exchange_delete(exchange)
        self.connection.close()


class RelayStorage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = make_folder()
        run_sql(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'", DSN)
        cls.addClassCleanup(run_sql, f"DROP ROLE {ROLE}", DSN)

    def setUp(self):
        self.relays = 0
        run_sql(f"CREATE DATABASE {NAME}", DSN)
        self.addCleanup(run_sql, f"DROP DATABASE {NAME} WITH (FORCE)", DSN)
        install(HOME, ROLE)
        self.queue = Queue(NAME)
        self.addCleanup(self.queue.close, NAME, NAME + ".other")

    def relay(self, *flags, dsn=AS_RELAY):
        self.relays += 1
        relay = Relay([RELAY, "--sources=shop=" + dsn, "--amqp-brokers=" + AMQP,
                       "--exchange=" + NAME, "--retention-days=13", "--retry-base-ms=1", *flags],
                      self.folder / f"{self.id().rsplit('.', 1)[1]}-{self.relays}.log")
        self.addCleanup(relay.__exit__)
        return relay

    def await_all(self, n, seconds=60):
        eventually(lambda: self.queue.take() >= n, seconds, f"{n} events have come")

    def await_count(self, n, table, seconds=60):
        eventually(lambda: ask(f"SELECT count(*) FROM {table}") == n, seconds, f"{n} {table}")

    def check_order(self, **counts):
        """Of each aggregate all came, first in order; of these so many."""
        for aggregate, sequences in self.queue.seen.items():
            self.assertEqual(sequences, list(range(1, len(sequences) + 1)), aggregate)
        for aggregate, n in counts.items():
            self.assertEqual(len(self.queue.seen.get(aggregate + "-0", [])), n, aggregate)

    def check_nothing_is_left(self):
        self.await_count(0, "outbox_unpublished")
        self.assertEqual(ask("SELECT count(*) FROM outbox_held"), 0)

    # ---- cursors ----

    def test_the_truth_while_in_flight(self):
        """At each moment, in one snapshot: what is not unpublished was counted by a batch,
        and is in the queue."""
        insert(4000, "flight", 40)
        self.assertEqual(ask("SELECT count(*) FROM outbox_unpublished"), 4000)
        self.relay("--batch-events=50")
        n_looks, published = 0, 0
        while published < 4000:
            published, counted, n_cursors = run_sql(
                "SELECT (SELECT count(*) FROM outbox_events) - (SELECT count(*) FROM"
                " outbox_unpublished), (SELECT sum(events) FROM outbox_batches),"
                " (SELECT count(*) FROM outbox_cursors)")[0]
            self.assertEqual((published, n_cursors), (counted, 8))
            self.assertLessEqual(published, self.queue.depth())
            n_looks += 0 < published < 4000
        self.assertGreater(n_looks, 2)
        self.await_all(4000)
        self.check_order()
        self.check_nothing_is_left()

    def test_late_commits(self):
        """What thousands have overtaken leaves with its commit, and needs no sweep."""
        self.relay(*SELDOM).await_ready()
        late, gone, parts = session(), session(), session()
        for connection in (late, gone, parts):
            connection.autocommit = False
        late.cursor().execute(INSERT + f" VALUES ('thing', 'late-0', '{KEY}', '{{}}')")
        gone.cursor().execute(INSERT + f" VALUES ('thing', 'gone-0', '{KEY}', '{{}}')")
        row = f" VALUES ('thing', 'parts-0', '{KEY}', '{{}}')"
        parts.cursor().execute(
            f"SAVEPOINT a; {INSERT} {row}; ROLLBACK TO a; {INSERT} {row}; SAVEPOINT b; {INSERT} {row};"
            f"RELEASE b; SAVEPOINT c; {INSERT} {row}; ROLLBACK TO c")
        for _ in range(3):
            insert(1000, "early", 20)
        self.await_all(3000)
        self.assertEqual(ask("SELECT count(*) FROM outbox_unpublished"), 0)
        for connection, n in ((late, 3001), (parts, 3003)):
            connection.commit()
            self.await_all(n, 5)
        gone.rollback()
        insert(1, "last")
        self.await_all(3004, 5)
        self.check_order(late=1, parts=2, gone=0)
        self.check_nothing_is_left()
        for connection in (late, gone, parts):
            connection.close()

    def test_more_than_a_batch_in_one_transaction(self):
        """10,000 events, while others commit and one stays open; the relay is killed."""
        other = session()
        other.autocommit = False
        other.cursor().execute(INSERT + f" VALUES ('thing', 'open-0', '{KEY}', '{{}}')")
        insert(10000, "large", 30)
        insert(500, "small", 10)
        victim = self.relay(*SELDOM, "--batch-events=200")
        eventually(lambda: self.queue.depth() > 2000, 60, "it is in the middle")
        victim.child.kill()
        left = ask("SELECT count(*) FROM outbox_unpublished")
        self.assertTrue(0 < left < 10500, left)
        other.commit()
        other.close()
        self.relay(*SELDOM, "--batch-events=200")
        self.await_all(10501)
        self.check_order(open=1)
        self.check_nothing_is_left()

    def test_another_default_isolation(self):
        """Of the database; the relay needs READ COMMITTED and asks for it."""
        run_sql(f"ALTER DATABASE {NAME} SET default_transaction_isolation = 'repeatable read'")
        relays = [self.relay(*SELDOM, "--batch-events=20") for _ in range(2)]
        for _ in range(10):
            insert(300, "a", 40)
        self.await_all(3000)
        self.check_order()
        self.check_nothing_is_left()
        for relay in relays:
            self.assertEqual(relay.stop(), 0)
            self.assertNotIn("WB-PG-ERROR", relay.log())

    # ---- parking ----

    def park_one(self, aggregate, n_behind):
        insert(1, aggregate, key=LOST_KEY)
        insert(n_behind // 2, aggregate)
        eventually(lambda: ask(f"SELECT count(*) FROM outbox_parked WHERE belongs_to ="
                               f" 'thing:{aggregate}-0'") == 1, 30, "it is parked")
        insert(n_behind - n_behind // 2, aggregate)
        return ask(f"SELECT id FROM outbox_parked WHERE belongs_to = 'thing:{aggregate}-0'")

    def test_parked_events_hold_back_their_own(self):
        self.relay(*SELDOM, "--max-attempts=2").await_ready()
        stuck = self.park_one("stuck", 200)
        given_up = self.park_one("given_up", 50)
        insert(300, "free", 30)
        self.await_all(300)
        self.await_count(252, "outbox_held")
        self.assertEqual(ask("SELECT count(*) FROM outbox_unpublished"), 252)
        self.assertEqual(run_sql("SELECT DISTINCT name, attempts, reason FROM outbox_parked"),
                         [(LOST_KEY, 2, "UNROUTABLE: 312 NO_ROUTE")])
        self.queue.bind(NAME, LOST_KEY)
        self.assertTrue(ask(f"SELECT outbox_retry('event', {stuck})"))
        self.await_all(501, 20)
        self.assertFalse(ask(f"SELECT outbox_retry('event', {stuck})"), "parked no more")
        self.check_order(stuck=201, given_up=0)
        self.assertTrue(ask(f"SELECT outbox_discard('event', {given_up}, 'a test')"))
        self.await_all(551, 20)
        self.assertEqual(self.queue.seen["given_up-0"], list(range(2, 52)))
        self.check_nothing_is_left()
        self.assertEqual(
            run_sql("SELECT seq, aggregate_id, attempts, reason, why, who = current_user"
                    " FROM outbox_discarded JOIN outbox_events USING (seq, event_id)"),
            [(given_up, "given_up-0", 2, "UNROUTABLE: 312 NO_ROUTE", "a test", True)])

    def test_parked_deliveries(self):
        queues = [f"{NAME}.{n}" for n in range(2)]
        for queue in queues:
            run_sql("INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, attempt,"
                    f" content_type, body) VALUES ('c', '{queue}', 'k', gen_random_uuid(), 1,"
                    " 'text/plain', 'x')")
        self.relay(*SELDOM, "--max-attempts=2")
        self.await_count(2, "outbox_parked")
        (retried, given_up) = [i for (i,) in run_sql(
            "SELECT id FROM outbox_parked WHERE kind = 'delivery' ORDER BY belongs_to")]
        self.assertTrue(ask(f"SELECT outbox_discard('delivery', {given_up}, 'a test')"))
        self.queue.channel.queue_declare(queues[0], exclusive=True)
        self.assertTrue(ask(f"SELECT outbox_retry('delivery', {retried})"))
        eventually(lambda: self.queue.channel.basic_get(queues[0], auto_ack=True)[0], 20, "it came")
        self.await_count(0, "outbox_parked")
        self.assertRegex(ask(f"SELECT reason FROM outbox_deliveries WHERE id = {given_up}"),
                         "^discarded by .*: a test; it was parked for: UNROUTABLE")

    def test_retry_and_discard_of_nothing(self):
        insert(1, "waiting")
        (seq,) = run_sql("SELECT seq FROM outbox_unpublished")[0]
        for kind in ("event", "delivery"):
            for row in (seq, -1):
                self.assertFalse(ask(f"SELECT outbox_retry('{kind}', {row})"))
                self.assertFalse(ask(f"SELECT outbox_discard('{kind}', {row}, 'a test')"))
        for call in ("outbox_retry('events', 1)", "outbox_discard('events', 1, 'a test')",
                     "outbox_discard('event', 1, '')", "outbox_discard('event', 1, NULL)",
                     "outbox_expire(0)", "outbox_expire(14)", "outbox_expire(NULL)"):
            with self.assertRaises(psycopg2.errors.InvalidParameterValue, msg=call):
                ask("SELECT " + call)

    # ---- routes ----

    def test_routes_per_row(self):
        self.queue.channel.exchange_declare(NAME + ".other", "direct")
        self.queue.bind(NAME + ".other", "another.key")
        self.queue.bind(NAME, "another.key")
        self.queue.bind(NAME + ".other", KEY)
        self.relay()
        headers = {"tenant": "acme", "priority": 7, "größe": "ß"}
        rows = (  # exchange, routing_key, headers of the row; exchange and key of the message
            (None, None, None, NAME, KEY),
            (NAME + ".other", None, None, NAME + ".other", KEY),
            (None, "another.key", None, NAME, "another.key"),
            (NAME + ".other", "another.key", headers, NAME + ".other", "another.key"),
        )
        for n, (*route, fields, exchange, key) in enumerate(rows, 1):
            connection = session()
            connection.cursor().execute(
                "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload,"
                " exchange, routing_key, headers) VALUES ('thing', 'route-0', %s, '{}', %s, %s, %s)",
                (KEY, *route, json.dumps(fields) if fields else None))
            connection.close()
            self.await_all(n, 20)
            method, properties, event = self.queue.last
            self.assertEqual((method.exchange, method.routing_key, properties.headers or None),
                             (exchange, key, fields))
            self.assertEqual((properties.type, event["type"]), (KEY, KEY))

    def test_a_wrong_exchange_holds_back_its_own(self):
        self.relay("--max-attempts=2").await_ready()
        run_sql("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload,"
                f" exchange) VALUES ('thing', 'wrong-0', '{KEY}', '{{}}', $${NAME}'s$$)")
        insert(5, "wrong")
        insert(100, "right", 10)
        self.await_all(100)
        self.await_count(1, "outbox_parked")
        self.assertIn(f"no exchange {NAME}'s", ask("SELECT reason FROM outbox_parked"))
        self.check_order(wrong=0)
        self.assertEqual(ask("SELECT count(*) FROM outbox_unpublished"), 6)

    # ---- days ----

    def old(self, days):
        return f"now() - interval '{days} days'"

    def days_left(self):
        """Of those that tests use: [days ago]"""
        return [days for days in range(13, -1, -1) if ask(
            f"SELECT EXISTS (SELECT FROM outbox_events WHERE slot = outbox_slot({self.old(days)}))")]

    def test_old_days_are_given_back(self):
        """Their batches and old deliveries, too; cursors stay."""
        for days in (10, 8, 7, 1, 0):
            insert(5, f"day{days}", slot_of=self.old(days))
        run_sql("INSERT INTO outbox_batches (lane, number, done, since, taken_at, events, slot)"
                f" SELECT lane, -1, '1:1:', now(), now(), 0, outbox_slot({self.old(10)})"
                " FROM outbox_lanes")
        for days in (8, 6):
            run_sql("INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, attempt,"
                    " content_type, body, published_at) VALUES ('c', 'q', 'k', gen_random_uuid(), 1,"
                    f" 'text/plain', 'x', {self.old(days)})")
        relay = self.relay()
        self.await_all(25)
        self.check_nothing_is_left()
        self.assertEqual(relay.stop(), 0)
        cursors = run_sql("SELECT lane, number, done::text FROM outbox_cursors ORDER BY lane")
        self.assertEqual(ask("SELECT outbox_expire(10)", AS_RELAY), 0)
        self.assertEqual(ask("SELECT outbox_expire(9)", AS_RELAY), 1)
        self.assertEqual(self.days_left(), [8, 7, 1, 0])
        self.assertEqual(ask("SELECT count(*) FROM outbox_batches WHERE number = -1"), 0)
        self.assertEqual(ask("SELECT count(*) FROM outbox_deliveries"), 2)
        # The relay does so by itself.
        relay = self.relay("--retention-days=7")
        eventually(lambda: "WB-RELAY-EXPIRED source=shop days=1" in relay.log(), 30, "days=1 in its log")
        self.assertEqual(self.days_left(), [7, 1, 0])
        self.assertEqual(ask("SELECT count(*) FROM outbox_deliveries"), 1)
        self.assertEqual(
            run_sql("SELECT lane, number, done::text FROM outbox_cursors ORDER BY lane"), cursors)
        insert(5, "day0")
        self.await_all(30, 20)
        self.check_order(day0=10)

    def test_days_that_stay(self):
        """With something parked or unpublished, and those in which somebody reads."""
        insert(1, "parked", key=LOST_KEY, slot_of=self.old(10))
        insert(3, "parked", slot_of=self.old(11))
        insert(3, "done", slot_of=self.old(9))
        relay = self.relay("--max-attempts=1")
        self.await_all(3)
        self.await_count(4, "outbox_held")
        self.assertEqual(relay.stop(), 0)
        insert(3, "new", slot_of=self.old(8))
        reader = session()
        reader.autocommit = False
        reader.cursor().execute("SELECT count(*) FROM outbox_events")
        started = time.monotonic()
        self.assertEqual(ask("SELECT outbox_expire(7)", AS_RELAY), 0)
        self.assertLess(time.monotonic() - started, 5)
        reader.close()
        self.assertEqual(ask("SELECT outbox_expire(7)", AS_RELAY), 1)
        self.assertEqual(self.days_left(), [11, 10, 8])
        self.assertTrue(ask("SELECT outbox_discard('event', id, 'a test') FROM outbox_parked"))
        self.assertEqual(ask("SELECT outbox_expire(7)", AS_RELAY), 1, "only the parked one's")
        self.relay()
        self.await_all(9)
        self.check_nothing_is_left()
        self.assertEqual(ask("SELECT outbox_expire(7)", AS_RELAY), 2)
        self.assertEqual(self.days_left(), [])

    def test_expire_is_not_fooled(self):
        """It has its owner's rights, and looks at no table of the caller's."""
        insert(3, "new", slot_of=self.old(8))
        relay = session(AS_RELAY)
        with relay.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE outbox_unpublished (slot int)")
            cursor.execute("SELECT outbox_expire(7)")
            self.assertEqual(cursor.fetchone(), (0,))
        relay.close()
        self.assertEqual(self.days_left(), [8])

    # ---- a restored dump ----

    @unittest.skipUnless(pg_bin(), "needs Postgres to start another one")
    def test_restored_elsewhere(self):
        """Transactions have other numbers in another cluster: the relay will not begin
        before outbox_rebase()."""
        relay = self.relay("--max-attempts=1")
        insert(20, "published", 4)
        insert(1, "parked", key=LOST_KEY)
        insert(3, "parked")
        self.await_all(20)
        self.await_count(4, "outbox_held")
        self.assertEqual(relay.stop(), 0)
        insert(5, "waiting")
        other = Postgres(self.folder, "other")
        other.make()
        other.start()
        dsn = f"postgres://postgres@127.0.0.1:{other.port}/postgres"
        dump = subprocess.run([pg_bin() / "pg_dump", "--no-owner", "--no-acl", HOME], check=True,
                              capture_output=True, timeout=60).stdout
        subprocess.run(["psql", "-Xqv", "ON_ERROR_STOP=1", dsn], input=dump, check=True,
                       capture_output=True, timeout=60)
        run_sql(INSERT + f" VALUES ('thing', 'after-0', '{KEY}', '{{}}')", dsn)
        self.queue.bind(NAME, LOST_KEY)
        relay = self.relay(dsn=dsn)
        relay.await_reason("postgres shop", "outbox_rebase()")
        self.assertEqual(self.queue.take(), 20)
        self.assertEqual(ask("SELECT outbox_rebase()", dsn), 10)
        self.await_all(30)
        relay.await_ready()
        self.check_order(parked=4, waiting=5, after=1)
        run_sql(INSERT + f" VALUES ('thing', 'after-0', '{KEY}', '{{}}')", dsn)
        self.await_all(31)
        self.assertEqual(ask("SELECT count(*) FROM outbox_unpublished", dsn), 0)
        other.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
