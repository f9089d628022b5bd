#!/usr/bin/python3
"""TLS to Postgres and to RabbitMQ as docs/relay.md and the man page show it: their
commands run here as they stand, and whatever is wrong with a certificate keeps
the relay away from that server and is named as the reason.

usage: test_relay_tls.py OUTBOX_RELAY   (by ctest; starts servers of its own)
"""
import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from own_servers import Postgres, RabbitMQ, are_installed, make_folder  # noqa: E402
from relay_process import Relay  # noqa: E402
from stack import ROOT, eventually  # noqa: E402
from test_ca import Authority  # noqa: E402

import pika  # noqa: E402

RELAY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
if RELAY is None or not are_installed():
    print("skipped: needs OUTBOX_RELAY, Postgres and RabbitMQ")
    raise SystemExit(77)

HERE = "DNS:localhost,IP:127.0.0.1"
SUPERUSER = "hostssl all postgres 127.0.0.1/32 trust\n"
BY_PASSWORD = SUPERUSER + "hostssl shop outbox_relay 127.0.0.1/32 scram-sha-256"
BY_CERTIFICATE = SUPERUSER + "hostssl shop outbox_relay 127.0.0.1/32 cert"
DATABASE, BROKER = "postgres shop", "rabbitmq shop"  # as /ready calls them


SECTION = (ROOT / "docs" / "relay.md").read_text().split("\n## TLS\n")[1].split("\n## ")[0]


def page_commands():
    """Of the section TLS of docs/relay.md, by what follows "sh" in their fence."""
    return dict(re.findall(r"^```sh (\w+)\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL))


def manual_commands():
    """The examples of the man page that have to do with TLS, without their roff."""
    page = (ROOT / "man" / "outbox-relay.1").read_text()
    for roff, text in (("\\-", "-"), ("\\(aq", "'"), ("\\e\n", "\\\n")):
        page = page.replace(roff, text)
    return [c for c in re.findall(r"^\.RS\n(.*?)^\.RE", page, re.MULTILINE | re.DOTALL)
            if "amqps:" in c]


class RelayTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = make_folder()
        cls.authority = Authority(cls.folder)
        cls.stranger = Authority(cls.folder, "stranger")
        cls.good = cls.authority.issue("server", HERE)
        cls.misnamed = cls.authority.issue("other.example", "DNS:other.example")
        cls.expired = cls.authority.issue("expired", HERE, days=-1)
        cls.make_client_files()
        cls.rabbit = RabbitMQ(cls.folder, "rabbit", cls.authority)
        cls.rabbit.launch_node(cls.good)
        cls.make_database()
        cls.make_broker()

    @classmethod
    def make_client_files(cls):
        """What the page keeps in /etc/outbox-relay."""
        for server in ("db", "broker"):
            (cls.folder / f"{server}-ca.pem").symlink_to(cls.authority.file)
        for name, common_name in (("db", "outbox_relay"), ("broker", "outbox-relay")):
            made = cls.authority.issue(common_name)
            (cls.folder / f"{name}.pem").symlink_to(made.certificate)
            (cls.folder / f"{name}.key").symlink_to(made.key)
        (cls.folder / "bin").mkdir()
        (cls.folder / "bin" / "outbox-relay").symlink_to(RELAY)

    @classmethod
    def make_database(cls):
        cls.pg = Postgres(cls.folder, "pg", BY_PASSWORD)
        cls.pg.make()
        cls.pg.configure(ssl="on", ssl_ca_file=cls.authority.file)
        cls.pg.present(cls.good)
        cls.pg.start()
        cls.pg.sql("CREATE DATABASE shop")
        cls.pg.sql("CREATE ROLE outbox_relay LOGIN PASSWORD 'secret'")
        subprocess.run([RELAY, f"--install=postgres://postgres@localhost:{cls.pg.port}/shop"
                        f"?sslmode=verify-full&sslrootcert={cls.authority.file}",
                        "--install-role=outbox_relay"], check=True, capture_output=True, timeout=60)

    @classmethod
    def make_broker(cls):
        cls.rabbit.await_node()
        cls.rabbit.ctl("add_vhost", "shop")
        cls.rabbit.ctl("add_user", "outbox-relay", "secret")
        cls.rabbit.ctl("set_permissions", "-p", "shop", "outbox-relay", "^$",
                       r"^(shop\.events|amq\.default)$", "^$")
        cls.rabbit.ctl("set_permissions", "-p", "shop", "admin", ".*", ".*", ".*")
        cls.connection = pika.BlockingConnection(pika.URLParameters(
            f"amqp://admin:admin@127.0.0.1:{cls.rabbit.port}/shop?heartbeat=0"))
        cls.channel = cls.connection.channel()
        cls.channel.exchange_declare("shop.events", "direct")
        cls.channel.queue_declare("tracking", exclusive=True)
        cls.channel.queue_bind("tracking", "shop.events", "parcel.sent.v1")

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()

    def setUp(self):
        self.pg.configure(BY_PASSWORD, ssl="on")
        self.pg.present(self.good)
        self.rabbit.present(self.good)

    def start(self, command, *changes):
        """The page's command with the servers of this test, and these changes."""
        for old, new in (("@db/", f"@localhost:{self.pg.port}/"),
                         ("broker:5671", f"localhost:{self.rabbit.tls_port}"),
                         ("/etc/outbox-relay", str(self.folder)), *changes):
            self.assertIn(old, command)
            command = command.replace(old, new)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return Relay(command, self.folder / "relay.log", {"PATH": path})

    # ---- what is published

    def insert(self):
        """One event, named after the test."""
        self.pg.sql("INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)"
                    " VALUES ('parcel', %s, 'parcel.sent.v1', '{}')", "shop", (self.id(),))

    def has_come(self):
        """Whether that event is in the queue; those before it are thrown away."""
        body = b""
        while body is not None:
            body = self.channel.basic_get("tracking", auto_ack=True)[2]
            if body is not None and json.loads(body)["subject"] == self.id():
                return True
        return False

    def assert_publishes(self, relay):
        relay.await_ready()
        self.insert()
        eventually(self.has_come, 20, "the event is in the queue")
        eventually(lambda: relay.published("shop") > 0, 20, "it is marked")

    def assert_kept_away(self, relay, dependency, *words):
        """And from that server only, with a reason in words of the page."""
        self.insert()
        for word in words:
            relay.await_reason(dependency, word)
        relay.await_ready(BROKER if dependency == DATABASE else DATABASE)
        self.assertFalse(self.has_come())
        self.assertEqual(relay.published("shop"), 0)
        self.assertIn(words[0], relay.log())
        self.assertIn(words[0], SECTION)
        self.assertNotIn("secret", relay.log())

    def assert_refuses(self, dependency, words, *changes, command="password"):
        if command == "certificate":
            self.pg.configure(BY_CERTIFICATE)
        with self.start(page_commands()[command], *changes) as relay:
            self.assert_kept_away(relay, dependency, *words)

    def sessions(self):
        """Of the relay's role: (over TLS, name in the client's certificate)."""
        return set(self.pg.sql(
            "SELECT ssl, client_dn FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
            " WHERE usename = 'outbox_relay'"))

    def logins(self):
        return set(self.rabbit.ctl("list_connections", "ssl", "auth_mechanism", "user")
                   .splitlines()) - {"false\tPLAIN\tadmin"}

    # ---- the page

    def test_1_password(self):
        with self.start(page_commands()["password"]) as relay:
            self.assert_publishes(relay)
            self.assertEqual(self.sessions(), {(True, None)})
            self.assertEqual(self.logins(), {"true\tPLAIN\toutbox-relay"})
            self.assertEqual(relay.stop(), 0)

    def test_1_certificate(self):
        self.pg.configure(BY_CERTIFICATE)
        with self.start(page_commands()["certificate"]) as relay:
            self.assert_publishes(relay)
            self.assertEqual(self.sessions(), {(True, "/CN=outbox_relay")})
            self.assertEqual(self.logins(), {"true\tEXTERNAL\toutbox-relay"})
            self.assertEqual(relay.stop(), 0)

    def test_1_manual(self):
        commands = manual_commands()
        self.assertEqual(len(commands), 1)
        with self.start(commands[0]) as relay:
            self.assert_publishes(relay)
            self.assertEqual(relay.stop(), 0)

    # ---- Postgres fails closed

    def test_2_unknown_authority(self):
        self.assert_refuses(DATABASE, ["self-signed certificate in certificate chain"],
                            ("db-ca.pem", "stranger.pem"))

    def test_2_authority_missing(self):
        self.assert_refuses(DATABASE, ["does not exist", "db-none.pem"],
                            ("db-ca.pem", "db-none.pem"))

    def test_2_wrong_host(self):
        self.pg.present(self.misnamed)
        self.assert_refuses(DATABASE, ["does not match host name", "other.example"])

    def test_2_expired(self):
        """And once the certificate is renewed, the relay goes on by itself."""
        self.pg.present(self.expired)
        with self.start(page_commands()["password"]) as relay:
            self.assert_kept_away(relay, DATABASE, "certificate has expired")
            self.pg.present(self.good)
            relay.await_ready()
            eventually(self.has_come, 20, "the event is in the queue")

    def test_2_no_tls(self):
        with self.start(page_commands()["password"]) as relay:
            relay.await_ready()
        self.pg.configure("host all all 127.0.0.1/32 trust", ssl="off")
        self.assert_refuses(DATABASE, ["server does not support SSL, but SSL was required"])

    def test_2_tls_demanded(self):
        self.assert_refuses(DATABASE, ["no pg_hba.conf entry", "no encryption"],
                            ("sslmode=verify-full", "sslmode=disable"))

    def test_2_no_certificate(self):
        self.pg.configure(BY_CERTIFICATE)
        self.assert_refuses(DATABASE, ["connection requires a valid client certificate"])

    def test_2_unknown_user(self):
        made = self.authority.issue("somebody")
        self.assert_refuses(DATABASE, ["certificate authentication failed for user"],
                            (f"{self.folder}/db.pem", str(made.certificate)),
                            (f"{self.folder}/db.key", str(made.key)), command="certificate")

    # ---- RabbitMQ fails closed

    def test_3_unknown_authority(self):
        self.assert_refuses(BROKER, ["self-signed certificate in certificate chain"],
                            ("broker-ca.pem", "stranger.pem"))

    def test_3_wrong_host(self):
        self.rabbit.present(self.misnamed)
        self.assert_refuses(BROKER, ["hostname mismatch"])

    def test_3_expired(self):
        self.rabbit.present(self.expired)
        with self.start(page_commands()["password"]) as relay:
            self.assert_kept_away(relay, BROKER, "certificate has expired")
            self.rabbit.present(self.good)
            relay.await_ready()
            eventually(self.has_come, 20, "the event is in the queue")

    def test_3_plain_listener(self):
        self.assert_refuses(BROKER, ["TLS: the port does not speak it"],
                            (f":{self.rabbit.tls_port}", f":{self.rabbit.port}"))

    def test_3_tls_listener(self):
        self.assert_refuses(BROKER, ["a TLS port needs amqps://"], ("amqps:", "amqp:"))

    def test_3_certificate_of_a_stranger(self):
        made = self.stranger.issue("outbox-relay-of-a-stranger")
        self.assert_refuses(BROKER, ["it may not accept this client's certificate"], 
                            (f"{self.folder}/broker.pem", str(made.certificate)),
                            (f"{self.folder}/broker.key", str(made.key)), command="certificate")

    def test_3_unknown_user(self):
        made = self.authority.issue("nobody")
        self.assert_refuses(BROKER, ["ACCESS_REFUSED"],
                            (f"{self.folder}/broker.pem", str(made.certificate)),
                            (f"{self.folder}/broker.key", str(made.key)), command="certificate")

    # ---- what is wrong from the start

    def test_4_files(self):
        for change, words in (
                (("broker-ca.pem", "none.pem"), "none.pem"),
                (("broker.pem", "none.pem"), "none.pem"),
                (("broker.key", "db.key"), "key values mismatch"),
                ((" --amqp-tls-cert", " --dataschema-prefix"), "needs amqp-tls-cert")):
            with self.start(page_commands()["certificate"], change) as relay:
                self.assertEqual(relay.child.wait(30), 2)
                self.assertIn(words, relay.log())


if __name__ == "__main__":
    unittest.main()
