#!/usr/bin/python3
"""A consumer whose database or broker goes away pauses: /ready says why, /health stays
well, no attempt is spent, and it goes on by itself. It is stopped meanwhile without
losing anything."""
import json
import signal
import subprocess
import sys
import unittest
import urllib.error
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from stack import ROOT, Stack, eventually, need_env  # noqa: E402

import pika  # noqa: E402

EXAMPLE = json.loads((ROOT / "schema/events/examples/payment.captured.v1/valid-full.json").read_text())


class Pauses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pg, cls.rabbit = need_env("WB_TEST_PG_CTL"), need_env("WB_TEST_RABBIT_CTL")
        cls.stack = Stack("pauses", env={"shipping": {"WB_MAX_ATTEMPTS": "1"}})
        cls.stack.start("shipping")

    @classmethod
    def tearDownClass(cls):
        assert set(cls.stack.stop().values()) == {0}

    def publish(self, n):
        connection = self.stack.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for _ in range(n):
            event = json.loads(json.dumps(EXAMPLE))
            event["id"] = str(uuid.uuid4())
            event["subject"] = event["data"]["order"]["order_id"] = str(uuid.uuid4())
            channel.basic_publish("", "shipping", json.dumps(event).encode(), pika.BasicProperties(
                content_type="application/cloudevents+json", delivery_mode=2, message_id=event["id"]), mandatory=True)
        connection.close()

    def ask(self, path):
        url = f"http://127.0.0.1:{self.stack.admin_ports['shipping']}{path}"
        try:
            return 200, self.stack.http("GET", url)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except urllib.error.URLError:
            return 0, None  # it does not listen yet

    def is_not_ready(self, dependency):
        """/ready says why; the process itself is well."""
        def check():
            status, said = self.ask("/ready")
            if status != 503:
                return None
            entries = {e["name"]: e for e in said["dependencies"]}
            return not entries[dependency]["ready"] and entries[dependency]["detail"]
        why = eventually(check, 60, f"not ready for want of {dependency}")
        self.assertEqual(self.ask("/health")[0], 200)
        return why

    def shipped(self, n):
        eventually(lambda: self.stack.rows("shipping", "SELECT count(*) FROM shipments") == [(n,)], 60, f"{n} shipped")
        eventually(lambda: self.stack.queue_totals()["shipping"] == 0, 60, "all are acked")
        self.assertEqual(self.stack.rows("shipping", "SELECT count(*), max(sequence) FROM shipments"), [(n, 1)])
        self.assertEqual(self.stack.rows("shipping", "SELECT count(*) FROM outbox_deliveries"), [(0,)])
        eventually(lambda: self.stack.is_ready("shipping"), 60, "ready again")

    def test_without_its_database(self):
        (before,), = self.stack.rows("shipping", "SELECT count(*) FROM shipments")
        shipping = self.stack.processes["shipping"]
        subprocess.run([self.pg, "stop"], check=True)
        try:
            self.assertTrue(self.is_not_ready("postgres"))
            self.publish(300)
            # Told to stop, it gives back what it has, in time.
            self.assertEqual(shipping.kill(signal.SIGTERM), 0)
            self.assertEqual(self.stack.queue_depth("shipping"), 300)
            shipping.start()
            self.assertTrue(self.is_not_ready("postgres"))
        finally:
            subprocess.run([self.pg, "start"], check=True)
        self.shipped(before + 300)

    def test_without_its_broker(self):
        (before,), = self.stack.rows("shipping", "SELECT count(*) FROM shipments")
        self.publish(300)
        subprocess.run([self.rabbit, "kill"], check=True)
        try:
            self.assertTrue(self.is_not_ready("rabbitmq"))
        finally:
            subprocess.run([self.rabbit, "start"], check=True)
        self.publish(100)
        self.shipped(before + 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
