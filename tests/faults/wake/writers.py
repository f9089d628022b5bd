"""Who writes into the outbox: transactions of every kind, drawn by a seeded generator."""
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from outbox import WRITE_DELIVERIES, WRITE_EVENTS

ENDS = ("commit",) * 12 + ("rollback", "crash")
# Of a delivery. Those in the future make the relay's sleep a shorter one.
DUE_MS = (0,) * 21 + (20, 60, 120)


def draw_rows(rng):
    """One statement: (kind, rows, due in ms)"""
    rows = rng.choice((1,) * 6 + (5, 100))
    if rng.random() < 0.7:
        return "events", rows, 0
    return "deliveries", min(rows, 5), rng.choice(DUE_MS)


def draw_transaction(rng):
    """[step], of which the last is how it ends. The pauses are what the gate has to bear: the
    time between an INSERT and its COMMIT."""
    steps = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        if rng.random() < 0.15:
            steps += ["savepoint", draw_rows(rng), rng.choice(("rollback to", "release"))]
        else:
            steps.append(draw_rows(rng))
        if rng.random() < 0.4:
            steps.append(rng.uniform(0, 6))  # ms
    return steps + [rng.choice(ENDS)]


class Writer:
    """One connection, in a thread of its own."""

    STATEMENTS = {
        "savepoint": "SAVEPOINT s",
        "rollback to": "ROLLBACK TO s",
        "release": "RELEASE s",
        "commit": "COMMIT",
        "rollback": "ROLLBACK",
    }

    def __init__(self, outbox, name):
        self.outbox, self.name = outbox, name
        self.thread = ThreadPoolExecutor(1)
        self.connection = None

    def start(self, steps):
        """A future."""
        return self.thread.submit(self._transact, steps)

    def stop(self):
        self.thread.shutdown()
        if self.connection is not None:
            self.connection.close()

    def _transact(self, steps):
        if self.connection is None:
            self.connection = psycopg2.connect(self.outbox.dsn)
            self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            if len(steps) == 2 and steps[1] == "commit":
                self._step(cursor, steps[0])  # as quick as can be
                return
            cursor.execute("BEGIN")
            for step in steps:
                self._step(cursor, step)

    def _step(self, cursor, step):
        if isinstance(step, float):
            time.sleep(step / 1000)
        elif step == "crash":
            self._crash(cursor)
        elif isinstance(step, str):
            cursor.execute(self.STATEMENTS[step])
        elif step[0] == "events":
            cursor.execute(WRITE_EVENTS, (self.name, step[1]))
        else:
            cursor.execute(WRITE_DELIVERIES, (self.outbox.queue, step[2], step[1]))

    def _crash(self, cursor):
        try:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        except psycopg2.OperationalError:
            self.connection = None
