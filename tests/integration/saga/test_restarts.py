#!/usr/bin/python3
"""Servers and processes die in mid-load, and nothing is lost or doubled."""
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import Stack, Tap, event_types, eventually, need_env  # noqa: E402


class Load(threading.Thread):
    """Posts orders until told to stop, 100 a second at most; keeps the ids of those
    that were accepted (2xx seen). A 5xx or a broken connection is the client's to
    repeat."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.accepted, self.refused = stack, [], 0
        self.goes_on = True

    def run(self):
        while self.goes_on:
            method = random.choice(("pm_ok", "pm_ok", "pm_declined"))
            try:
                self.accepted.append(self.stack.order({"TEA": 1}, method))
                time.sleep(0.01)
            except urllib.error.HTTPError as error:
                assert error.code in (422, 503), error
                self.refused += 1
                time.sleep(0.05)
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                self.refused += 1
                time.sleep(0.05)

    def await_more(self, n):
        goal = len(self.accepted) + n
        eventually(lambda: len(self.accepted) >= goal, 90, f"{n} more orders accepted")

    def stop(self):
        self.goes_on = False
        self.join(60)


class Restarts(unittest.TestCase):
    def begin(self, name, **env):
        self.stack = Stack(name, env=env)
        self.tap = Tap(self.stack, event_types()) if name == "relays" else None
        self.stack.start()
        self.stack.seed({"TEA": 100000})
        self.load = Load(self.stack)
        self.load.start()
        self.load.await_more(20)

    def end(self):
        """Everything accepted ends, and the invariants hold."""
        self.load.stop()
        self.assertGreater(len(self.load.accepted), 0)
        self.stack.await_all(self.load.accepted, 240)
        self.stack.await_quiet()
        invariants.check(self.stack)
        self.assertEqual(set(self.stack.stop().values()), {0})

    def test_broker_killed_and_restarted(self):
        self.begin("broker")
        ctl = need_env("WB_TEST_RABBIT_CTL")
        subprocess.run([ctl, "kill"], check=True)
        self.load.await_more(20)  # orders are accepted without a broker
        subprocess.run([ctl, "start"], check=True)
        self.load.await_more(20)
        subprocess.run([ctl, "restart"], check=True)
        self.load.await_more(20)
        self.end()

    def test_postgres_killed_and_restarted(self):
        self.begin("postgres")
        ctl = need_env("WB_TEST_PG_CTL")
        for how in ("kill", "stop"):
            subprocess.run([ctl, how], check=True)
            time.sleep(1)  # long enough for every process to notice
            subprocess.run([ctl, "start"], check=True)
            self.load.await_more(20)
        self.end()

    def test_every_process_killed_in_turn(self):
        self.begin("processes")
        for name in ("orders-consumer", "inventory", "payments", "shipping", "history", "notifications",
                     "outbox-relay", "orders-api", "catalog-api", "customers-api", "provider-sim"):
            self.stack.processes[name].kill(signal.SIGKILL)
            self.stack.start(name)
            self.load.await_more(5)
        self.end()

    def test_crash_points(self):
        """Killed by itself at each named point, then started again."""
        self.begin("crashes")
        for name, point in (("inventory", "consumer.before_commit"), ("inventory", "consumer.after_commit"),
                            ("payments", "charger.after_call"), ("payments", "charger.before_settle"),
                            ("notifications", "mailer.after_accept"),
                            ("notifications", "mailer.before_record"),
                            ("outbox-relay", "relay.after_publish"), ("outbox-relay", "relay.after_confirm"),
                            ("outbox-relay", "relay.after_mark")):
            process = self.stack.processes[name]
            self.assertEqual(process.kill(signal.SIGTERM), 0)
            process.start(WB_CRASH_AT=point, WB_CRASH_AFTER="3")
            self.assertEqual(process.wait(60), -signal.SIGKILL, f"{name} died at {point}")
            self.stack.start(name)
            self.load.await_more(5)
        self.end()

    def test_two_of_everything(self):
        """Two relays and two of each consumer, one of each killed: order per aggregate
        on first delivery is kept."""
        self.begin("relays")
        self.tap.start()
        twins = []
        for name in ("outbox-relay", "orders-consumer", "inventory", "payments", "shipping", "history",
                     "notifications"):
            self.stack.add(name, name + "-2")
            twins.append(name + "-2")
        self.stack.start(*twins)
        self.load.await_more(50)
        for name in ("outbox-relay", "inventory", "payments"):
            self.stack.processes[name].kill(signal.SIGKILL)
        self.load.await_more(50)
        self.stack.start("outbox-relay", "inventory", "payments")
        self.load.await_more(20)
        self.load.stop()
        self.stack.await_all(self.load.accepted, 240)
        self.stack.await_quiet()
        self.first_deliveries_are_in_order()
        self.end()

    def first_deliveries_are_in_order(self):
        eventually(lambda: self.stack.queue_depth("tap") == 0, 60, "the tap is empty")
        seen, latest = set(), {}
        for event in self.tap.events:
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            key = (event["source"], event["subject"])
            sequence = int(event["sequence"])
            self.assertEqual(sequence, latest.get(key, 0) + 1, f"{event['type']} of {key}")
            latest[key] = sequence
        self.assertGreater(len(latest), 100)
        self.tap.close()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    unittest.main(verbosity=2)
