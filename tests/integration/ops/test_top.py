#!/usr/bin/python3
"""`waybill top` on a stack: once, as JSON lines, and in a terminal, which it draws,
redraws in another size, and gives back as it was."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from ops_case import RELAY, Waybill, dsn_of, environment  # noqa: E402
from stack import QUEUES, Stack, eventually  # noqa: E402

import pika  # noqa: E402

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"
LOST = "postgres://127.0.0.1:1/lost"


def plain(text):
    return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", text)


class Terminal:
    """A pseudo-terminal with `waybill top` in it."""

    def __init__(self, stack, rows, columns, *args, **env):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.child = subprocess.Popen([stack.bin / "waybill", "top", *args], stdin=slave, stdout=slave,
                                      stderr=subprocess.PIPE, preexec_fn=self._take_terminal,
                                      env=environment(stack, TERM="xterm", **env))
        self.seen = b""

    def _take_terminal(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.1):
        if select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 65536)

    def frames(self):
        """Those that are whole, as lists of lines."""
        parts = self.seen.split(b"\x1b[H")[1:]
        return [re.split("\r+\n", plain(part.split(b"\x1b[J")[0]).decode()) for part in parts if b"\x1b[J" in part]

    def await_frame(self, check, what):
        """The newest frame that passes, of those that are drawn from now on."""
        start = len(self.frames())

        def look():
            self.read()
            return next((f for f in reversed(self.frames()[start:]) if check(f)), None)
        try:
            return eventually(look, 60, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last is {self.frames()[-1:]}") from None

    def end(self):
        def ended():
            self.read(0.05)
            return self.child.poll() is not None
        eventually(ended, 60, "it leaves")
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        self.child.stderr.close()
        after = termios.tcgetattr(self.slave)
        os.close(self.slave)
        os.close(self.master)
        return self.child.returncode, after


class Top(unittest.TestCase):
    # In the order in which an order meets them.
    services = ["catalog", "customers", "orders", "inventory", "payments", "shipping", "history", "notifications"]

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("top", env={"outbox-relay": RELAY})
        cls.stack.start("outbox-relay", "inventory", "customers-api", "catalog-api")

    @classmethod
    def tearDownClass(cls):
        cls.stack.stop()

    def setUp(self):
        self.top = Waybill(self, self.stack, "top")

    def publish(self, queue, n):
        with self.stack.connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for _ in range(n):
                channel.basic_publish("", queue, b"{}", pika.BasicProperties(delivery_mode=2))

    def test_1_once(self):
        out, _ = self.top.run("--once")
        self.assertNotIn("\x1b", out)
        for text in ("no alarm", "0 pending", "0 requested"):
            self.assertIn(text, out)
        for name in QUEUES:
            self.assertRegex(out, rf"(?m)^{name} +0 +0 ")
        self.assertEqual(self.top.run()[0].splitlines()[3:5], out.splitlines()[3:5])  # no terminal

    def test_2_what_is_there_is_told(self):
        self.publish("shipping", 3)  # nobody consumes it here
        self.publish("inventory.dlq", 2)
        self.stack.rows("orders", "INSERT INTO orders (order_id, customer_id, currency, total_minor, snapshot, "
                        "placed_at, deadline_at) VALUES (gen_random_uuid(), gen_random_uuid(), 'EUR', 1, '{}', "
                        "now(), now())")
        self.stack.rows("catalog", "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                        "VALUES ('thing', 'A', 'nobody.asked.v1', '{}')")

        def told():
            look = self.top_line()
            queues = {q["queue"]: q for q in look["broker"]["queues"]}
            outboxes = {o["outbox"]: o for o in look["outboxes"]}
            self.assertEqual(list(outboxes), self.services)
            self.assertNotIn("inventory.dlq", queues)
            return queues["shipping"]["ready"] == 3 and queues["inventory"]["dead_letters"] == 2 and \
                queues["inventory"]["consumers"] == 1 and outboxes["catalog"]["parked"] == 1 and \
                look["sagas"]["orders"]["pending"] == 1 and look["sagas"]["orders"]["overdue"] == 1
        eventually(told, 60, "it tells what is there")  # the broker counts every few seconds

    def top_line(self):
        return self.top.ask("--once")

    def test_3_lines_and_rates(self):
        child = subprocess.Popen([self.stack.bin / "waybill", "top", "--json", "--interval-ms=200"],
                                 stdout=subprocess.PIPE, env=environment(self.stack))
        rates = []
        while not any(rates):
            self.stack.rows("history", "SELECT nextval('outbox_events_seq') FROM generate_series(1, 100)")
            look = json.loads(child.stdout.readline())
            self.assertEqual([o["outbox"] for o in look["outboxes"]], self.services)
            rates = [o.get("events_per_s") for o in look["outboxes"] if o["outbox"] == "history"]
        child.send_signal(signal.SIGINT)
        child.stdout.close()
        self.assertEqual(child.wait(60), 0)

    def test_4_a_reader_that_leaves(self):
        child = subprocess.Popen([self.stack.bin / "waybill", "top", "--json", "--interval-ms=100"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(self.stack))
        child.stdout.readline()
        child.stdout.close()
        self.assertEqual(child.wait(60), 1)
        self.assertEqual(child.stderr.read(), b"")
        child.stderr.close()

    def test_5_broken_servers(self):
        one = f"catalog={dsn_of(self.stack, self.stack.database('catalog'))}"
        env = {"WB_DATABASES": f"{one} lost={LOST}", "WB_MANAGEMENT_URL": "http://127.0.0.1:1"}
        look = self.top.ask("--once", "lost", "catalog", status=1, env=env)
        self.assertIn("refused", look["outboxes"][0]["error"])
        self.assertTrue(look["broker"]["error"])
        out, _ = self.top.run("--once", "lost", "catalog", status=1, env=env)
        self.assertRegex(out, r"(?m)^lost +.*refused")
        self.assertRegex(out, r"(?m)^catalog +\d")

    def test_6_a_terminal(self):
        terminal = Terminal(self.stack, 40, 100, "--interval-ms=200")
        frame = terminal.await_frame(lambda f: any(line.startswith("notifications  ") for line in f[-3:]) and
                                     any(line.startswith("shipping ") for line in f), "a whole picture")
        self.assertIn("every 0.2 s; q leaves", frame[0])
        self.assertTrue(terminal.seen.startswith(ENTER))
        # What changes is drawn.
        self.stack.rows("shipping", "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) "
                        "VALUES ('thing', 'B', 'nobody.asked.v1', '{}')")
        terminal.await_frame(lambda f: any(re.match(r"shipping( +\S+){5} +1 ", line) for line in f),
                             "shipping has a parked row")
        # Smaller: nothing runs over.
        terminal.resize(6, 30)
        small = terminal.await_frame(lambda f: len(f) == 6, "six lines")
        self.assertLessEqual(max(map(len, small)), 30)
        os.write(terminal.master, b"xq")
        status, after = terminal.end()
        self.assertEqual(status, 0)
        self.assertEqual(after, terminal.before)
        self.assertTrue(terminal.seen.endswith(LEAVE), terminal.seen[-40:])

    def test_7_interrupted_beside_a_broken_server(self):
        one = f"catalog={dsn_of(self.stack, self.stack.database('catalog'))}"
        terminal = Terminal(self.stack, 24, 120, "--interval-ms=200", "lost", "catalog",
                            WB_DATABASES=f"{one} lost={LOST}", WB_MANAGEMENT_URL="http://127.0.0.1:1")
        for _ in range(2):  # it goes on
            terminal.await_frame(lambda f: any(re.match("lost .*refused", line) for line in f) and
                                 any(re.match(r"catalog +\d", line) for line in f) and
                                 any(line.startswith("Broker") for line in f), "what is broken, and what is not")
        os.write(terminal.master, b"\x03")
        status, after = terminal.end()
        self.assertEqual((status, after), (0, terminal.before))
        self.assertTrue(terminal.seen.endswith(LEAVE))


if __name__ == "__main__":
    unittest.main(verbosity=2)
