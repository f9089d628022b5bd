#!/usr/bin/python3
"""The relay behind pgbouncer, and how it chooses between being woken and polling:
order and completeness with fewer server sessions than relays and writers want, a
relay that dies in mid-batch, session mode, and a proxy that swallows notifications.

usage: test_relay_pooler.py OUTBOX_RELAY   (by ctest; needs WB_TEST_PG_DSN, WB_TEST_AMQP_URL)
"""
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
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

from own_servers import make_folder  # noqa: E402
from pgbouncer import PgBouncer, is_installed  # noqa: E402
from relay_process import Relay  # noqa: E402
from stack import eventually  # noqa: E402

import pika  # noqa: E402
import psycopg2  # noqa: E402

if not is_installed():
    print("skipped: needs pgbouncer")
    raise SystemExit(77)

NAME = f"relay_pooler_{os.getpid()}"
PG = urllib.parse.urlsplit(DSN)
KEY = "thing.happened.v1"
SESSIONS = 3  # of the server's, for all clients of a pooler in transaction mode
WRITERS, AGGREGATES, EVENTS_EACH = 4, 40, 3


def run_sql(dsn, query, args=None):
    connection = psycopg2.connect(dsn, connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query, args)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


class Writer(threading.Thread):
    """Commits, and now and then rolls back, events of a few aggregates at a time."""

    def __init__(self, dsn, number, n_transactions):
        super().__init__(daemon=True)
        self.dsn, self.number, self.n_transactions = dsn, number, n_transactions
        self.n_committed = 0
        self.start()

    def run(self):
        choice = random.Random(self.number)
        connection = psycopg2.connect(self.dsn)
        for i in range(self.n_transactions):
            with connection.cursor() as cursor:
                for aggregate in sorted(choice.sample(range(AGGREGATES), EVENTS_EACH)):
                    cursor.execute(
                        "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type,"
                        " payload) VALUES ('thing', %s, %s, '{}')", (f"a{aggregate:02}", KEY))
            if i % 10 == 9:
                connection.rollback()
            else:
                connection.commit()
                self.n_committed += EVENTS_EACH
        connection.close()


class Consumer:
    """A queue with all that is published, and a record of it."""

    def __init__(self, exchange):
        self.connection = pika.BlockingConnection(pika.URLParameters(AMQP))
        self.channel = self.connection.channel()
        self.channel.exchange_declare(exchange, "direct")
        self.queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(self.queue, exchange, KEY)
        self.exchange = exchange
        self.seen = {}  # aggregate: sequences, by their first delivery
        self.n_different = 0

    def take(self):
        """What has come by now; how many different events there have been."""
        for method, _, body in self.channel.consume(self.queue, auto_ack=True,
                                                    inactivity_timeout=0.05):
            if method is None:
                break
            event = json.loads(body)
            sequences = self.seen.setdefault(event["subject"], [])
            if int(event["sequence"]) not in sequences:
                sequences.append(int(event["sequence"]))
                self.n_different += 1
        return self.n_different

    def await_all(self, n, seconds=60):
        eventually(lambda: self.take() >= n, seconds, f"{n} events have come")

    def close(self):
        self.channel.exchange_delete(self.exchange)
        self.connection.close()


class DeafProxy(threading.Thread):
    """Between clients and Postgres. Passes everything but notifications. Without TLS:
    sslmode=disable."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            client = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection((PG.hostname, PG.port or 5432)) as server:
            back = threading.Thread(target=self.until_end, args=(self.answer, server, client),
                                    daemon=True)
            back.start()
            self.until_end(self.ask, client, server)
            back.join()

    @staticmethod
    def until_end(work, source, sink):
        """Of either side, and then of both."""
        try:
            work(source, sink)
        except OSError:
            pass  # one of them has gone
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # likewise

    @staticmethod
    def ask(client, server):
        while data := client.recv(65536):
            server.sendall(data)

    @staticmethod
    def answer(server, client):
        """Messages: a type, a length that counts itself, the rest."""
        with server.makefile("rb") as stream:
            while len(head := stream.read(5)) == 5:
                rest = stream.read(struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] != b"A":
                    client.sendall(head + rest)


class RelayBehindPooler(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = make_folder()

    def setUp(self):
        self.name = self.id().rsplit(".", 1)[1]
        self.relays = 0
        self.direct = PG._replace(path="/" + NAME).geturl()
        run_sql(DSN, f"CREATE DATABASE {NAME}")
        self.addCleanup(run_sql, DSN, f"DROP DATABASE {NAME} WITH (FORCE)")
        subprocess.run([RELAY, "--install=" + self.direct], check=True, capture_output=True,
                       timeout=60)
        self.consumer = Consumer(NAME + ".events")
        self.addCleanup(self.consumer.close)

    def pooler(self, mode, pool_size):
        pooler = PgBouncer(self.folder, self.name, DSN, mode, pool_size)
        self.addCleanup(pooler.kill)
        return pooler

    def relay(self, dsn, *flags, env=None):
        self.relays += 1
        relay = Relay(
            [RELAY, "--sources=shop=" + dsn, "--amqp-brokers=" + AMQP,
             "--exchange=" + NAME + ".events", "--dataschema-prefix=", *flags],
            self.folder / f"{self.name}-{self.relays}.log", env)
        self.addCleanup(relay.__exit__)
        return relay

    def write(self, dsn, n_transactions=1):
        """Committed by the time this returns."""
        writer = Writer(dsn, 0, n_transactions)
        writer.join(60)
        return writer.n_committed

    def check_order(self):
        for aggregate, sequences in self.consumer.seen.items():
            self.assertEqual(sequences, list(range(1, len(sequences) + 1)), aggregate)

    def await_mode(self, relay, mode, words, seconds=20):
        """In force, said in the log once, and in the metrics."""
        eventually(lambda: relay.metric(f'wb_relay_wake_mode{{source="shop",mode="{mode}"}}') == 1,
                   seconds, f"wake={mode} is in force")
        other = "poll" if mode == "gate" else "gate"
        self.assertEqual(relay.metric(f'wb_relay_wake_mode{{source="shop",mode="{other}"}}'), 0)
        said = [line for line in relay.log().splitlines() if "WB-RELAY-WAKE" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn(f"source=shop wake={mode} ", said[0])
        self.assertIn(words, said[0])
        return said[0]

    # ---- transaction mode ----

    def test_order_with_few_sessions(self):
        """Two relays and four writers want twelve sessions; the third relay takes the
        place of one that dies with a batch published and not marked."""
        pooler = self.pooler("transaction", SESSIONS)
        dsn = pooler.url(NAME)
        relays = [self.relay(dsn), self.relay(dsn, "--batch-events=20",
                                              env={"WB_CRASH_AT": "relay.after_confirm",
                                                   "WB_CRASH_AFTER": "10"})]
        for relay in relays:
            self.await_mode(relay, "poll", "goes through a pooler")
        writers = [Writer(dsn, number, 300) for number in range(WRITERS)]
        self.assertNotEqual(relays[1].child.wait(60), 0)
        relays.append(self.relay(dsn))
        for writer in writers:
            writer.join(120)
        n = sum(writer.n_committed for writer in writers)
        self.assertEqual(n, WRITERS * 270 * EVENTS_EACH)
        self.consumer.await_all(n)
        time.sleep(0.5)
        self.assertEqual(self.consumer.take(), n)
        self.check_order()
        servers = [s for s in pooler.show("SERVERS") if s["database"] == NAME]
        clients = [c for c in pooler.show("CLIENTS") if c["database"] == NAME]
        self.assertLessEqual(len(servers), SESSIONS)
        self.assertGreaterEqual(len(clients), 8)
        for relay in (relays[0], relays[2]):
            relay.await_ready()
            self.assertEqual(relay.stop(), 0)
        self.assertNotIn("WB-PG-ERROR", relays[0].log())

    def test_idle_then_quick(self):
        """After a pause it looks as often as poll-cap-ms says, and finds an event so: the sweep
        would be much later."""
        pooler = self.pooler("transaction", SESSIONS)
        dsn = pooler.url(NAME)
        relay = self.relay(dsn, "--sweep-ms=600000")
        self.await_mode(relay, "poll", "goes through a pooler")
        relay.await_ready()
        time.sleep(6)

        def transactions():
            return sum(int(s["total_xact_count"]) for s in pooler.show("STATS") if s["database"] == NAME)
        looks = transactions()
        eventually(lambda: transactions() >= looks + 100, 60, "it goes on looking")
        n = 0
        for _ in range(5):
            n += self.write(dsn)
            self.consumer.await_all(n)
        eventually(lambda: relay.metric('wb_relay_commit_to_confirm_seconds_count{source="shop"}') == n, 60,
                   "each is counted once")

    def test_gate_by_force_in_transaction_mode(self):
        """It says that it can't work, and the events come all the same."""
        dsn = self.pooler("transaction", SESSIONS).url(NAME)
        relay = self.relay(dsn, "--wake=gate")
        self.assertIn(" warn ", self.await_mode(relay, "gate", ""))
        n = sum(self.write(dsn) for _ in range(3))
        self.consumer.await_all(n)

    # ---- session mode, and none ----

    def test_gate_in_session_mode(self):
        dsn = self.pooler("session", 10).url(NAME)
        relay = self.relay(dsn, "--wake=gate")
        self.assertIn(" info ", self.await_mode(relay, "gate", "a test notification came"))
        self.check_wakes(relay)

    def test_gate_without_pooler(self):
        relay = self.relay(self.direct)
        self.await_mode(relay, "gate", "a test notification came")
        self.check_wakes(relay)
        # Another test at the next connect, which has nothing new to say.
        run_sql(self.direct, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()")
        eventually(lambda: relay.log().count("WB-PG-LOST") >= 4, 20, "all sessions are lost")
        relay.await_ready()
        self.check_wakes(relay)
        self.await_mode(relay, "gate", "a test notification came")

    def check_wakes(self, relay):
        """Commits wake it, as long as it sleeps when they come."""
        by_notify = 'wb_relay_wakeups_total{source="shop",by="notify"}'
        before = relay.metric(by_notify)
        come = self.consumer.take()

        def wake():
            nonlocal come
            come += self.write(self.direct)
            self.consumer.await_all(come)
            time.sleep(0.2)
            return relay.metric(by_notify) >= before + 3
        eventually(wake, 20, "commits wake the relay")

    def test_polls_where_nobody_hears(self):
        """Asleep it would find an event after a minute, or by the sweep."""
        proxy = DeafProxy()
        user = PG.netloc.rsplit("@", 1)[0]
        relay = self.relay(f"postgres://{user}@127.0.0.1:{proxy.port}/{NAME}?sslmode=disable",
                           "--max-sleep-ms=60000", "--sweep-ms=600000")
        relay.await_ready()
        n = self.write(self.direct)  # perhaps before the verdict
        self.consumer.await_all(n, 40)
        line = self.await_mode(relay, "poll", "no notification came")
        self.assertIn(" warn ", line)
        n += self.write(self.direct)
        self.consumer.await_all(n, 40)

    def test_tests_disturb_no_sleeper(self):
        """A relay sleeps while others start and try their wake-up."""
        sleeper = self.relay(self.direct, "--max-sleep-ms=60000", "--sweep-ms=600000", "--count-ms=3600000")
        self.await_mode(sleeper, "gate", "a test notification came")
        asleep = 'wb_relay_sleeps_total{source="shop"}'
        eventually(lambda: sleeper.metric(asleep) >= 1, 20, "it sleeps")
        time.sleep(0.5)
        before = sleeper.metric(asleep)
        for _ in range(3):
            other = self.relay(self.direct)
            self.await_mode(other, "gate", "a test notification came")
            self.assertEqual(other.stop(), 0)
        self.assertEqual(sleeper.metric(asleep), before)
        n = self.write(self.direct)
        self.consumer.await_all(n, 40)


if __name__ == "__main__":
    unittest.main(verbosity=2)
