#!/usr/bin/python3
"""What systemd hears of the shipped relay, started as its unit starts it: with the
unit's environment, credentials in files, and a real datagram socket.

usage: test_relay_systemd.py OUTBOX_RELAY   (by ctest; needs no server)
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELAY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
UNIT = (ROOT / "outbox-relay" / "outbox-relay.service").read_text()
WATCHDOG_S = 0.4


def unit_environment(credentials):
    """The variables of Environment=, %d being the folder of the credentials."""
    lines = re.findall(r"^Environment=(.*)$", UNIT, re.MULTILINE)
    pairs = [word.split("=", 1) for line in lines for word in line.split()]
    return {name: value.replace("%d", str(credentials)) for name, value in pairs}


def unit_credentials():
    return re.findall(r"^LoadCredential=([^:]+):", UNIT, re.MULTILINE)


class Manager:
    """The relay under a service manager that only listens."""

    # Nobody is there: the relay is up all the same, and waits for them.
    SECRETS = {"sources": "shop=postgres://outbox_relay@127.0.0.1:1/shop\n",
               "brokers": "amqp://127.0.0.1:1/shop\n"}

    def __init__(self, folder, **more):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        for name in unit_credentials():
            (folder / name).write_text(self.SECRETS[name])
        # Another port: a relay may run here.
        environment = {**os.environ, **unit_environment(folder), "WB_ADMIN_LISTEN": "127.0.0.1:0",
                       "NOTIFY_SOCKET": str(folder / "notify"),
                       "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)), **more}
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen([RELAY], env=environment, stdout=log, stderr=log)

    def hear(self, seconds):
        """The next message, or None."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(4096).decode()
        except TimeoutError:
            return None

    def hear_all(self, seconds):
        """What is said in that time."""
        deadline, heard = time.monotonic() + seconds, []
        while (left := deadline - time.monotonic()) > 0:
            message = self.hear(left)
            if message is not None:
                heard.append(message)
        return heard

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(10)
        self.socket.close()


class Systemd(unittest.TestCase):
    def start(self, **more):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        manager = Manager(Path(folder.name), **more)
        self.addCleanup(manager.close)
        return manager

    def test_a_life(self):
        manager = self.start()
        self.assertEqual(manager.hear(20), "READY=1")
        self.assert_is_up(manager)
        heard = manager.hear_all(5 * WATCHDOG_S)
        self.assertEqual(set(heard), {"WATCHDOG=1"})
        self.assertIn(len(heard), range(5, 12), "one after each half of the interval")
        manager.child.send_signal(signal.SIGTERM)
        self.assertIn("STOPPING=1", [manager.hear(5), manager.hear(5)])
        self.assertEqual(manager.child.wait(10), 0)

    def assert_is_up(self, manager):
        """READY means: it lives and answers. That it can work is for /ready to say."""
        port = re.search(r"admin_port=(\d+)", manager.log.read_text())[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            self.assertEqual(response.status, 200)

    def test_a_hang(self):
        """No sign of life, so systemd would restart it; and it goes on if it can."""
        manager = self.start()
        self.assertEqual(manager.hear(20), "READY=1")
        self.assertEqual(manager.hear(5), "WATCHDOG=1")
        manager.child.send_signal(signal.SIGSTOP)
        manager.hear_all(0.05)  # what was on its way
        self.assertEqual(manager.hear_all(3 * WATCHDOG_S), [])
        manager.child.send_signal(signal.SIGCONT)
        self.assertEqual(manager.hear(5), "WATCHDOG=1")

    def test_wrong_parameters(self):
        """Never ready, and the status that the unit does not restart."""
        for more in ({"WB_WAKE": "never"}, {"WB_SOURCES": "@/no/such/file"},
                     {"WB_AMQP_BROKERS": "amqps://127.0.0.1:1", "WB_AMQP_TLS_CA": "/no/such/file"}):
            manager = self.start(**more)
            status = manager.child.wait(20)
            self.assertNotIn("READY=1", manager.hear_all(0.1), more)
            self.assertIn(f"RestartPreventExitStatus={status}", UNIT, more)


if __name__ == "__main__":
    if RELAY is None:
        raise SystemExit("usage: test_relay_systemd.py OUTBOX_RELAY")
    unittest.main()
