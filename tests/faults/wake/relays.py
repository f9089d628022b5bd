"""Relays that can be frozen, and the proof that those who run have all gone to sleep."""
import re
import signal
import time
from pathlib import Path

from relay_process import Relay

PARAMETERS = (
    # Nothing but a NOTIFY, or a delivery that falls due, ends a sleep within the test, ...
    "--wake=gate", "--max-sleep-ms=60000", "--sweep-ms=600000", "--count-ms=3600000",
    "--amqp-heartbeat-s=3600",
    # ... and what a frozen relay has in hand is free again after 0.8 s.
    "--batch-window-ms=50", "--confirm-timeout-ms=500", "--claim-cap-ms=600",
    "--idle-in-transaction-ms=800", "--dataschema-prefix=")


class WakeRelay(Relay):
    def __init__(self, binary, outbox, name, log, more=()):
        super().__init__([binary, f"--sources={name}={outbox.dsn}",
                          f"--amqp-brokers={outbox.amqp}", f"--exchange={outbox.name}",
                          *PARAMETERS, *more], log)
        self.name = name
        self.is_frozen = False
        self.counts = {}

    @property
    def is_running(self):
        return self.child.poll() is None and not self.is_frozen

    def is_ready(self):
        return not any(self.ready().values())

    def freeze(self):
        """It has stopped when this returns."""
        self.is_frozen = True
        self.child.send_signal(signal.SIGSTOP)
        while self.child.poll() is None and process_state(self.child.pid) != "T":
            time.sleep(0.0005)

    def thaw(self):
        self.is_frozen = False
        self.child.send_signal(signal.SIGCONT)

    def kill(self):
        self.child.kill()
        self.child.wait(30)

    def count(self):
        """{"sleeps": n, "notify": n, "timer": n, "due": n}: sleeps, and how they ended. Of a
        relay that does not run: what it said last."""
        if self.is_running and self.port is not None:
            self.counts = {by or "sleeps": int(float(n)) for by, n in re.findall(
                r'^wb_relay_(?:sleeps|wakeups)_total\{source="[^"]*"(?:,by="(\w+)")?\} (\S+)$',
                self._ask("/metrics"), re.M)}
        return self.counts


def process_status(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "State:\t- (gone)"


def process_state(pid):
    """As ps shows it: R has or wants a processor, S sleeps, T is stopped."""
    return re.search(r"^State:\t(.)", process_status(pid), re.M)[1]


def process_moves(pid):
    """How often the process has given up the processor; None while it does not sleep."""
    text = process_status(pid)
    if "State:\tS" not in text:
        return None
    return sum(map(int, re.findall(r"voluntary_ctxt_switches:\t(\d+)", text)))


def watch(outbox, relays):
    """None while a relay is at work, or while there is no row for it, else
    {process: process_moves()} of the running relays and of the sessions of all."""
    sessions = outbox.sessions()
    if outbox.left()[1] == 0 or not all(is_resting for _, _, is_resting in sessions):
        return None
    moves = {pid: process_moves(pid)
             for pid in [r.child.pid for r in relays if r.is_running] + [s[0] for s in sessions]}
    return None if None in moves.values() else moves


def have_overslept(outbox, relays, seconds):
    """A row waits to be published, and for so long not one of the running relays and of their
    sessions has done anything at all, although the relays are well and none of them has a
    transaction open. A relay that is not asleep looks at least every 50 ms. On a slow machine
    a process that could go on is one that wants the processor, so nobody is accused who is only
    slow."""
    if not all(r.is_ready() for r in relays if r.is_running):
        return False
    time.sleep(0.05)  # what it did to answer that
    before = watch(outbox, relays)
    if before is None:
        return False
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if watch(outbox, relays) != before:
            return False
    return True
