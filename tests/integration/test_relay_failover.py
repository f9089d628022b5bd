#!/usr/bin/python3
"""A source with several hosts and a list of several brokers: the shipped relay finds
the one that works by itself, loses nothing and keeps the order.

usage: test_relay_failover.py OUTBOX_RELAY   (by ctest; needs WB_TEST_AMQP_URL, a broker
that is left alone; starts Postgres servers of its own)
"""
import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from door import Door  # noqa: E402
from own_servers import Postgres, are_installed, make_folder  # noqa: E402
from relay_process import Relay  # noqa: E402
from stack import ROOT, eventually  # noqa: E402

import pika  # noqa: E402
import psycopg2  # noqa: E402

RELAY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
if RELAY is None or not os.environ.get("WB_TEST_AMQP_URL") or not are_installed():
    print("skipped: needs OUTBOX_RELAY, WB_TEST_AMQP_URL and Postgres")
    raise SystemExit(77)

AMQP = urllib.parse.urlsplit(os.environ["WB_TEST_AMQP_URL"])
EXCHANGE = f"relay_failover_{os.getpid()}.events"
DATABASE, BROKER = "postgres shop", "rabbitmq shop"  # as /ready calls them
NOWHERE = 1  # a port that refuses connections
PRODUCERS = 4
# Short, so that the test is.
PATIENCE = ("--pg-connect-timeout-ms=1000", "--pg-reconnect-cap-ms=500",
            "--amqp-connect-timeout-ms=1000", "--amqp-reconnect-cap-ms=500",
            "--amqp-heartbeat-s=1")


def dsn(*ports, attributes=""):
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgres://outbox_relay@{hosts}/shop{attributes}"


def brokers(*ports):
    login = AMQP.netloc.rpartition("@")[0]
    return ",".join(f"amqp://{login}@127.0.0.1:{port}{AMQP.path}" for port in ports)


def make_shop(pg):
    pg.sql("CREATE DATABASE shop")
    pg.sql("CREATE ROLE outbox_relay LOGIN")
    subprocess.run([RELAY, f"--install=postgres://postgres@127.0.0.1:{pg.port}/shop",
                    "--install-role=outbox_relay"], check=True, capture_output=True, timeout=60)


def insert(cursor, aggregate, n):
    cursor.execute("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)"
                   " VALUES ('parcel', %s, 'parcel.sent.v1', %s)",
                   (aggregate, json.dumps({"n": n})))


class Producer(threading.Thread):
    """Commits event after event of one aggregate on whichever server takes writes, and
    keeps the book: (aggregate, n) of what was committed, and of what may have been."""

    def __init__(self, name, address):
        super().__init__(daemon=True)
        self.aggregate, self.address = name, address
        self.committed, self.unknown = set(), set()
        self.is_over = threading.Event()
        self.n = 0

    def run(self):
        while not self.is_over.is_set():
            try:
                connection = psycopg2.connect(self.address, connect_timeout=2)
            except psycopg2.Error:
                self.is_over.wait(0.05)
                continue
            try:
                self._produce(connection)
            except psycopg2.Error:
                self.unknown.add((self.aggregate, self.n))
            connection.close()

    def _produce(self, connection):
        while not self.is_over.is_set():
            self.n += 1
            with connection, connection.cursor() as cursor:
                insert(cursor, self.aggregate, self.n)
            self.committed.add((self.aggregate, self.n))

    def stop(self):
        self.is_over.set()
        self.join(30)


class Failover(unittest.TestCase):
    """What is common to both kinds: the exchange, and what came out of it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = make_folder()
        cls.connection = pika.BlockingConnection(
            pika.URLParameters(AMQP.geturl() + "?heartbeat=0"))
        cls.channel = cls.connection.channel()
        cls.channel.exchange_declare(EXCHANGE, "direct")
        cls.queue = cls.channel.queue_declare("", exclusive=True).method.queue
        cls.channel.queue_bind(cls.queue, EXCHANGE, "parcel.sent.v1")
        cls.addClassCleanup(cls.connection.close)
        cls.addClassCleanup(cls.channel.exchange_delete, EXCHANGE)

    def setUp(self):
        self.first, self.sequences = set(), {}  # deliveries that were no repetition

    def start(self, sources, broker_list, *flags, name="relay"):
        return Relay([RELAY, "--sources=shop=" + sources, "--amqp-brokers=" + broker_list,
                      "--exchange=" + EXCHANGE, *PATIENCE, *flags], self.folder / f"{name}.log")

    def start_page(self, *ports):
        """The command of docs/relay.md, the first of its brokers being nowhere."""
        page = (ROOT / "docs" / "relay.md").read_text()
        command = re.search(r"^```sh failover\n(.*?)\n```", page, re.MULTILINE | re.DOTALL)[1]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        flag = re.search(r"--amqp-brokers=\S+", command)[0]
        for old, new in (("db1,db2", hosts), ("shop.events", EXCHANGE),
                         ("outbox-relay ", f"{RELAY} "),
                         (flag, "--amqp-brokers=" + brokers(NOWHERE, AMQP.port))):
            self.assertEqual(command.count(old), 1, old)
            command = command.replace(old, new)
        return Relay(command + " " + " ".join(PATIENCE), self.folder / "relay.log")

    def drain(self):
        """Takes what is in the queue by now, and no more: as long as the producers go on
        there may always be one more. An event that comes again counts once."""
        waiting = self.channel.queue_declare(self.queue, passive=True).method.message_count
        for _ in range(waiting):
            body = self.channel.basic_get(self.queue, auto_ack=True)[2]
            if body is None:
                return
            event = json.loads(body)
            key = (event["subject"], event["data"]["n"])
            if key not in self.first:
                self.first.add(key)
                self.sequences.setdefault(event["subject"], []).append(int(event["sequence"]))

    def await_events(self, wanted, seconds=60):
        def check():
            self.drain()
            return wanted <= self.first
        try:
            eventually(check, seconds)
        except AssertionError:
            lost = sorted(wanted - self.first)
            raise AssertionError(f"{len(lost)} of {len(wanted)} are lost: {lost[:5]}") from None

    def assert_in_order(self):
        for aggregate, sequences in self.sequences.items():
            self.assertEqual(sequences, list(range(1, len(sequences) + 1)), aggregate)


class Databases(Failover):
    def test_promotion(self):
        """The primary dies while events are produced and published; its synchronous
        standby is promoted."""
        primary, standby = self.make_pair()
        both = (primary.port, standby.port)
        address = f"host=127.0.0.1,127.0.0.1 port={both[0]},{both[1]} user=postgres dbname=shop " \
                  "target_session_attrs=read-write"
        producers = [Producer(f"P-{i}", address) for i in range(PRODUCERS)]
        with self.start_page(*both) as relay:
            relay.await_ready()
            for producer in producers:
                producer.start()
            eventually(lambda: relay.published("shop") > 300, 30, "events flow")
            primary.crash()
            before = {key for producer in producers for key in producer.committed}
            relay.await_reason(DATABASE, "session is read-only")
            standby.promote()
            print(f"ready {relay.await_ready(seconds=30):.1f} s after the promotion")
            self.await_events(before)
            published = relay.published("shop")
            eventually(lambda: relay.published("shop") > published + 300, 30, "events flow again")
            for producer in producers:
                producer.stop()
            committed = set().union(*(producer.committed for producer in producers))
            unknown = set().union(*(producer.unknown for producer in producers))
            self.await_events(committed)
            self.assertEqual(relay.stop(), 0)
        self.drain()
        self.assertLessEqual(self.first, committed | unknown)
        self.assertGreater(len(committed), len(before))
        self.assert_in_order()

    def make_pair(self):
        primary, standby = Postgres(self.folder, "primary"), Postgres(self.folder, "standby")
        primary.make()
        primary.start()
        make_shop(primary)
        standby.clone(primary)
        standby.start()
        primary.configure(synchronous_standby_names="standby")
        eventually(lambda: primary.sql("SELECT sync_state FROM pg_stat_replication") == [("sync",)],
                   20, "the standby is synchronous")
        return primary, standby

    def test_standby(self):
        """A relay that meets only a standby says so, and goes on once it is none."""
        primary, standby = Postgres(self.folder, "alone"), Postgres(self.folder, "its-standby")
        primary.make()
        primary.start()
        make_shop(primary)
        standby.clone(primary)
        standby.start()
        plain, broker = dsn(standby.port), brokers(AMQP.port)
        choosy = dsn(standby.port, attributes="?target_session_attrs=primary")
        with self.start(plain, broker) as gate, \
                self.start(plain, broker, "--wake=poll", name="poll") as poll, \
                self.start(choosy, broker, name="picky") as picky:
            for relay in (gate, poll):
                relay.await_reason(DATABASE, "the server is a read-only standby")
            picky.await_reason(DATABASE, "server is in hot standby mode")
            for relay in (gate, poll, picky):
                relay.await_ready(BROKER)
            primary.stop()
            standby.promote()
            for relay in (gate, poll, picky):
                relay.await_ready()
            with psycopg2.connect(host="127.0.0.1", port=standby.port, user="postgres",
                                  dbname="shop") as connection, connection.cursor() as cursor:
                insert(cursor, "S", 1)
            connection.close()
            self.await_events({("S", 1)})


class Brokers(Failover):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pg = Postgres(cls.folder, "pg")
        cls.pg.make()
        cls.pg.start()
        make_shop(cls.pg)

    def insert(self, n):
        """Event n of an aggregate that is named after the test."""
        with psycopg2.connect(host="127.0.0.1", port=self.pg.port, user="postgres",
                              dbname="shop") as connection, connection.cursor() as cursor:
            insert(cursor, self.id(), n)
        connection.close()

    def assert_publishes(self, relay, n):
        relay.await_ready()
        self.insert(n)
        self.await_events({(self.id(), n)})
        self.assert_in_order()

    def test_first_host_is_silent(self):
        """The same for the hosts of a source."""
        door = Door(self.pg.port, Door.SILENT)
        with self.start(dsn(door.port, self.pg.port), brokers(AMQP.port)) as relay:
            self.assert_publishes(relay, 1)
        door.turn(Door.SHUT)

    def test_first_is_dead(self):
        with self.start(dsn(self.pg.port), brokers(NOWHERE, AMQP.port)) as relay:
            self.assert_publishes(relay, 1)
            self.assertIn(f"127.0.0.1:{NOWHERE}: Connection refused", relay.log())

    def test_first_is_silent(self):
        door = Door(AMQP.port, Door.SILENT)
        with self.start(dsn(self.pg.port), brokers(door.port, AMQP.port)) as relay:
            self.assert_publishes(relay, 1)
            self.assertIn(f"127.0.0.1:{door.port}: no connection within 1000 ms", relay.log())
        door.turn(Door.SHUT)

    def test_one_comes_later(self):
        door = Door(AMQP.port, Door.SHUT)
        with self.start(dsn(self.pg.port), brokers(NOWHERE, door.port)) as relay:
            relay.await_reason(BROKER, "Connection refused")
            self.insert(1)
            time.sleep(1)
            door.turn(Door.OPEN)
            self.await_events({(self.id(), 1)})
            self.assert_publishes(relay, 2)
        door.turn(Door.SHUT)

    def test_to_and_fro(self):
        """The broker in use is cut off or falls silent: the other one is used, and the
        first one again when its turn comes."""
        doors = [Door(AMQP.port, Door.OPEN), Door(AMQP.port, Door.SHUT)]
        with self.start(dsn(self.pg.port), brokers(*(door.port for door in doors))) as relay:
            self.assert_publishes(relay, 1)
            for n, ending in enumerate((Door.SHUT, Door.SILENT, Door.SILENT, Door.SHUT), 2):
                doors[0].turn(ending)
                doors[1].turn(Door.OPEN)
                self.insert(n)
                self.await_events({(self.id(), n)})
                doors.reverse()
                doors[1].turn(Door.SHUT)
            self.assert_in_order()
            relay.await_ready()
        for door in doors:
            door.turn(Door.SHUT)


del Failover  # nothing of its own to run

if __name__ == "__main__":
    unittest.main()
