"""./dev bench storage: how an outbox may note what is published, beside each other.

Four prototypes in SQL (bench/storage/), so that nothing but their storage differs: no
relay, no broker. The measure is the CPU of the one server process that works. Each is
looked at fresh, then beside a transaction that is held open while much is published,
then, in another database, with much published before.
"""
import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from child import Failed
from servers import Postgres
from table import Table, say

FORMS = {
    "update": "UPDATE of a mark",
    "delete": "DELETE, copied into a history",
    "queue": "a row in a queue table",
    "cursor": "append-only, a cursor",
}
HERE = Path(__file__).with_name("storage")
DATABASE = "bench_storage"
PER_TRANSACTION = 100
# A drain that costs more than so many times what it costs fresh is not flat (0.9 of the
# speed).
FLAT = 1.11
# Only plans by the right indexes are left, as in the relay.
SETTINGS = """
SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;
SET plan_cache_mode = force_generic_plan; SET synchronous_commit = off;
SET client_min_messages = warning"""


@dataclass
class Sizes:
    """In events. held: published while the transaction is open."""
    round: int
    held: int
    behind: int
    times: int = 3


USUAL = Sizes(round=40_000, held=200_000, behind=500_000)
FULL = Sizes(round=100_000, held=1_200_000, behind=10_000_000, times=5)


@dataclass
class Cost:
    """Per event: µs of CPU, bytes of write-ahead log."""
    emit_us: float
    emit_wal: float
    drain_us: float
    drain_wal: float


class Form:
    """A fresh database with one of the prototypes."""

    def __init__(self, postgres, name):
        self.postgres, self.name = postgres, name
        postgres.create(DATABASE)
        self.connection = postgres.connect(DATABASE)
        self.cursor = self.connection.cursor()
        for file in ("common", name):
            self.cursor.execute((HERE / f"{file}.sql").read_text())
        self.cursor.execute(SETTINGS)
        self.pid = self.connection.get_backend_pid()

    def one(self, query, args=None):
        self.cursor.execute(query, args)
        return self.cursor.fetchone()[0]

    def cpu_seconds(self):
        """Of our session's process, exact to the microsecond."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def cost(self, call, n):
        """(µs of CPU, bytes of log) per event, and what the call answers."""
        lsn, before = self.one("SELECT pg_current_wal_insert_lsn()"), self.cpu_seconds()
        self.cursor.execute(call)
        seconds = self.cpu_seconds() - before
        answer = self.cursor.fetchone() if self.cursor.description else None
        wal = self.one("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", (lsn,))
        return seconds / n * 1e6, float(wal) / n, answer

    def round(self, n):
        self.postgres.checkpoint()
        emit_us, emit_wal, _ = self.cost(f"CALL emit({n}, {PER_TRANSACTION})", n)
        drain_us, drain_wal, (done,) = self.cost(f"CALL drain({n}, NULL)", n)
        if done != n:
            raise Failed(f"{self.name}: {done} of {n} events were drained")
        return Cost(emit_us, emit_wal, drain_us, drain_wal)

    def rounds(self, times, n):
        costs = [self.round(n) for _ in range(times)]
        return Cost(*(statistics.median(getattr(c, field) for c in costs)
                      for field in Cost.__dataclass_fields__))

    def hold(self):
        """A transaction with an id and a snapshot, until its connection is closed."""
        holder = self.postgres.connect(DATABASE)
        holder.autocommit = False
        holder.set_session(isolation_level="REPEATABLE READ")
        holder.cursor().execute("SELECT pg_current_xact_id()")
        return holder

    def fill(self, n):
        self.cursor.execute(f"CALL fill({n})")

    def drop(self):
        self.connection.close()
        self.postgres.drop(DATABASE)


class Bench:
    def __init__(self, sizes):
        self.sizes, self.table, self.postgres = sizes, Table(), Postgres()

    def row(self, form, what, value, unit, fresh=None):
        self.table.add(f"{FORMS[form.name]}: {what}", value, unit, fresh,
                       below=None if fresh is None else FLAT)

    def beside_transaction(self, form):
        """The fresh rounds too."""
        sizes = self.sizes
        fresh = form.rounds(sizes.times, sizes.round)
        self.row(form, "insert, fresh", fresh.emit_us, "µs/event")
        self.row(form, "log of an insert", fresh.emit_wal, "B/event")
        self.row(form, "drain, fresh", fresh.drain_us, "µs/event")
        self.row(form, "log of a drain", fresh.drain_wal, "B/event")
        holder = form.hold()
        for _ in range(sizes.held // sizes.round):
            form.round(sizes.round)
        held = form.rounds(sizes.times, sizes.round)
        holder.close()
        self.row(form, f"drain, transaction open for {sizes.held:,} events", held.drain_us,
                 "µs/event", fresh.drain_us)
        say(f"{form.name}: drain {fresh.drain_us:.1f} µs, beside an open transaction "
            f"{held.drain_us:.1f}")

    def behind(self, form):
        sizes = self.sizes
        fresh = form.rounds(sizes.times, sizes.round)
        form.fill(sizes.behind)
        form.round(sizes.round)  # the first one after so much is no measure
        full = form.rounds(sizes.times, sizes.round)
        self.row(form, f"drain, {sizes.behind:,} published", full.drain_us, "µs/event",
                 fresh.drain_us)
        self.row(form, f"insert, {sizes.behind:,} published", full.emit_us, "µs/event",
                 fresh.emit_us)
        say(f"{form.name}: drain {fresh.drain_us:.1f} µs, with {sizes.behind:,} published "
            f"{full.drain_us:.1f}")

    def run(self):
        for name in FORMS:
            for part in (self.beside_transaction, self.behind):
                form = Form(self.postgres, name)
                part(form)
                form.drop()
        return self.table


def main():
    parser = argparse.ArgumentParser(prog="./dev bench storage", description=__doc__)
    parser.add_argument("--full", action="store_true",
                        help="10 M published events: an hour, and 20 GB of disk")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    args = parser.parse_args()
    try:
        table = Bench(FULL if args.full else USUAL).run()
    except (Failed, psycopg2.Error) as failure:
        raise SystemExit(f"bench storage: {failure}") from failure
    print(table)
    if args.json:
        table.write_json(args.json)


if __name__ == "__main__":
    main()
