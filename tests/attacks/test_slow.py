#!/usr/bin/python3
"""Clients that take their time: a byte now and then, answers that are not read, ten
thousand connections that do nothing, and slowhttptest. Others are served all the while."""
import csv
import resource
import shutil
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from peer import CUSTOMER, Target, get, order, post, read_to_end, split_answers
from stack import eventually

READ_MS = 2000
IDLE = 10000
# How far beyond its deadline a connection may live on a busy machine.
GRACE_S = 60


class Bystander(threading.Thread):
    """Somebody who is served in the middle of it, again and again."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.slowest, self.n, self.error = target, 0, 0, None
        self.goes_on = True

    def run(self):
        try:
            while self.goes_on:
                self.slowest = max(self.slowest, self.target.serves(GRACE_S))
                self.n += 1
                time.sleep(0.02)
        except Exception as error:  # told by end()
            self.error = error

    def end(self):
        self.goes_on = False
        self.join(60)
        if self.error:
            raise self.error
        assert self.n > 0


class Slow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.room = hard
        cls.target = Target("slow", WB_HTTP_READ_DEADLINE_MS=str(READ_MS), WB_HTTP_MAX_CONNECTIONS="12000")

    @classmethod
    def tearDownClass(cls):
        cls.target.stop()

    def setUp(self):
        self.bystander = Bystander(self.target)
        self.bystander.start()

    def tearDown(self):
        self.bystander.end()

    def drip(self, start, byte):
        """Sends a byte every 100 ms; returns after how long it was cut off, and what was said."""
        with self.target.connect(60) as s:
            began = time.monotonic()
            s.sendall(start)
            try:
                while time.monotonic() - began < READ_MS / 1000 + GRACE_S:
                    s.sendall(byte)
                    time.sleep(0.1)
            except (BrokenPipeError, ConnectionResetError):
                pass
            seconds = time.monotonic() - began
            return seconds, split_answers(read_to_end(s))

    def cut_off(self, start, byte):
        seconds, answers = self.drip(start, byte)
        self.assertGreater(seconds, READ_MS / 1000 * 0.9)
        self.assertLess(seconds, READ_MS / 1000 + GRACE_S)
        for answer in answers:  # lost, if the reset was first
            self.assertEqual(answer.status, 408)
            answer.problem()

    def test_a_byte_now_and_then(self):
        body = order()
        drips = ((b"GET /orders HTTP/1.1\r\nX: ", b"a"), (b"GET /orders HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n"),
                 (b"G", b"E"),
                 (f"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode(), b" "),
                 (b"POST /orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"))
        with ThreadPoolExecutor(len(drips)) as pool:
            for future in [pool.submit(self.cut_off, *drip) for drip in drips]:
                future.result()

    def test_answers_that_nobody_reads(self):
        """Pipelined requests whose answers are left: what is kept for them has a limit."""
        before = self.target.memory_kib()
        clients = [self.target.connect(60, small_window=True) for _ in range(20)]
        request = get(f"/orders/{'x' * 4000}") * 20
        for s in clients:
            s.setblocking(False)
        began, open_ones = time.monotonic(), set(clients)
        while open_ones and time.monotonic() - began < READ_MS / 1000 + GRACE_S:
            for s in list(open_ones):
                try:
                    s.send(request)
                except BlockingIOError:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    open_ones.discard(s)
            time.sleep(0.02)
        for s in clients:
            s.close()
        self.assertEqual(len(open_ones), 0, "they are still open")
        self.assertLess(self.target.memory_kib() - before, 60000)

    def test_ten_thousand_idle_connections(self):
        n = min(IDLE, self.room - 500)
        self.assertEqual(n, IDLE, f"only {self.room} files are allowed here")
        files = self.target.files()
        before = self.target.memory_kib()
        idle = []
        for _ in range(n):
            s = self.target.connect(60)
            s.sendall(get("/orders/none"))  # who says nothing at all is cut off soon
            self.assertEqual(s.recv(1), b"H")
            idle.append(s)
        eventually(lambda: self.target.files() - files > n * 0.9, 60, "they are all accepted")
        kib = (self.target.memory_kib() - before) / n
        print(f"{n} idle connections: {kib:.1f} KiB each", flush=True)
        self.assertLess(kib, 40)  # with AddressSanitizer
        self.target.serves(GRACE_S)
        with self.target.connect() as s:
            s.sendall(post(order(), headers="Connection: close\r\n"))
            self.assertEqual([a.status for a in split_answers(read_to_end(s))], [202])
        for s in idle:
            s.close()
        eventually(lambda: self.target.files() - files < 100, 60, "they are all gone")

    def attack(self, name, *arguments):
        """One of slowhttptest's attacks, for some seconds; its CSV has a line for each."""
        prefix = str(self.target.stack.logs / f"slowhttptest-{name}")
        done = subprocess.run(["slowhttptest", *arguments, "-c", "200", "-r", "200", "-i", "1", "-l", "6", "-p", "5",
                               "-u", f"http://127.0.0.1:{self.target.port}/orders?customer_id={CUSTOMER}",
                               "-g", "-o", prefix], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(prefix + ".csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertTrue(any(int(row["Connected"]) > 50 for row in rows), (name, rows))
        # Its own verdict: a connection of its probe was answered each second.
        self.assertNotIn("0", [row["Service Available"] for row in rows], (name, rows))

    @unittest.skipIf(shutil.which("slowhttptest") is None, "slowhttptest is not installed")
    def test_slowhttptest(self):
        """Slow headers, slow bodies and slow reading, all at the same time."""
        attacks = (("headers", "-H"), ("body", "-B", "-s", "4096", "-f", "application/json"),
                   ("reading", "-X", "-k", "5", "-w", "1", "-y", "512", "-n", "1", "-z", "5"))
        with ThreadPoolExecutor(len(attacks)) as pool:
            for future in [pool.submit(self.attack, *attack) for attack in attacks]:
                future.result()


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
