"""./dev bench relay: outbox-relay against yardsticks measured in the same run."""
import argparse
import statistics
import time
from dataclasses import dataclass

import pika
import psycopg2

import deliveries
import latency
import peer
from child import Failed, kill_all
from outbox import Outbox, Relay, drain, medians, publish_loop
from servers import Broker, Postgres
from table import Table, say


@dataclass
class Sizes:
    """seconds: for all of it; what does not fit any more is cut short or skipped."""
    seconds: int
    backlog: int
    peer_backlog: int
    peer_s: int
    latency_s: int
    behind: int
    held_s: int
    ratio_backlog: int
    deliveries_s: int
    waiting: int = 1_000_000
    times: int = 3


USUAL = Sizes(seconds=255, backlog=100_000, peer_backlog=10_000, peer_s=10, latency_s=10,
              behind=500_000, held_s=20, ratio_backlog=50_000, deliveries_s=6)
FULL = Sizes(seconds=4 * 3600, backlog=300_000, peer_backlog=20_000, peer_s=60,
             latency_s=60, behind=10_000_000, held_s=600, ratio_backlog=200_000, deliveries_s=30)


class Bench:
    def __init__(self, sizes):
        self.sizes, self.table = sizes, Table()
        self.ends = time.monotonic() + sizes.seconds
        self.postgres, self.broker = Postgres(), Broker()
        self.rate = None  # of a fresh backlog

    def left(self):
        return self.ends - time.monotonic()

    def rounds(self, seconds):
        """As often as planned, or as the time allows, but once."""
        for i in range(self.sizes.times):
            if i == 0 or self.left() > seconds:
                yield i

    def measure(self, rows, needs_s, fn, *args):
        """rows: (name, unit) of what fn adds, for when it can't."""
        why = f"{max(0, self.left()):.0f} s were left, it takes {needs_s}"
        if self.left() >= needs_s:
            try:
                fn(*args)
                return
            except (Failed, psycopg2.Error, pika.exceptions.AMQPError) as failure:
                why = str(failure).strip().splitlines()[0]
                kill_all()
        for name, unit in rows:
            say(f"{name} skipped: {why}")
            self.table.skip(name, unit, why)

    # ---- a backlog, beside a loop that only publishes

    def fresh_drain(self, n):
        fresh = Outbox(self.postgres, "bench_fresh")
        fresh.insert(n)
        result = drain(fresh, self.broker, n)
        fresh.drop()
        return result

    def backlog(self):
        drains, loops, n = [], [], self.sizes.backlog
        for _ in self.rounds(15):
            drains.append(self.fresh_drain(n))
            body = self.broker.first_body()
            loops.append(publish_loop(self.broker, body, n))
            say(f"{n} messages of {len(body)} bytes: relay {drains[-1].rate:.0f}/s, "
                f"bare publish loop {loops[-1].rate:.0f}/s")
        relay, loop = medians(drains), medians(loops)
        self.rate = relay.rate
        add = self.table.add
        add(backlog_row(self.sizes), relay.rate, "events/s", loop.rate, at_least=0.7)
        add("- CPU of the relay, and of the loop", relay.cpu, "µs/event", loop.cpu)
        add("- CPU of RabbitMQ, with the relay and with the loop", relay.rabbitmq_cpu,
            "µs/event", loop.rabbitmq_cpu)
        add("- CPU of Postgres", relay.postgres_cpu, "µs/event")
        add("- peak RSS of the relay", max(d.rss_mb for d in drains), "MB", below=20)

    # ---- the same beside a peer

    def beside_peer(self, listener):
        if self.rate is None:
            raise Failed("there is no rate of the relay to compare")
        peer.install()
        rate = peer.drain(self.postgres, self.broker, listener, self.sizes.peer_backlog,
                          self.sizes.peer_s)
        say(f"pg-transactional-outbox, {listener}: {rate:.0f}/s")
        self.table.add(peer_row(listener), self.rate, "events/s", rate)

    # ---- latency

    def latency(self, rate):
        found = latency.measure(self.postgres, self.broker, rate, self.sizes.latency_s)
        say(f"latency at {found.offered:.0f}/s: commit to consumer p50 {found.consumer[0]:.2f}"
            f" p99 {found.consumer[1]:.2f} ms")
        targets = (3, 25) if rate == 1000 else (None, None)
        values = found.consumer + found.confirm
        for (name, unit), value, target in zip(latency_rows(rate), values, targets * 2):
            note = None
            if found.offered < 0.95 * rate:
                note = f"only {found.offered:.0f} events/s were committed"
            self.table.add(name, value, unit, below=target, note=note)
        for q, value in zip(("p50", "p99"), found.broker):
            self.table.add(f"- without the relay at {rate:,}/s, published to consumer, {q}", value, "ms")

    # ---- deliveries

    def deliveries(self):
        sizes, seconds = self.sizes, self.sizes.deliveries_s
        none, many = (deliveries.measure(self.postgres, self.broker, waiting, seconds)
                      for waiting in (0, sizes.waiting))
        say(f"deliveries are late by p50 {many.late[0]:.1f}, p99 {many.late[1]:.1f} ms; "
            f"when no others wait: {none.late[0]:.1f}, {none.late[1]:.1f}")
        add = self.table.add
        add(late_row(sizes, "p50"), many.late[0], "ms")
        add(late_row(sizes, "p99"), many.late[1], "ms", below=100)
        add("- CPU of the relay while none is due, and with none", many.relay_cpu, "ms/s",
            none.relay_cpu)
        add("- CPU of Postgres while none is due, and with none", many.postgres_cpu, "ms/s",
            none.postgres_cpu)
        add(f"- drain of {deliveries.AT_ONCE:,} due at once, and with no others", many.rate,
            "msgs/s", none.rate)

    # ---- what may slow it down

    def beside_fresh(self, name, aged):
        """Alternates drains of the aged database and of fresh ones."""
        n, rates, fresh_rates = self.sizes.ratio_backlog, [], []
        for _ in self.rounds(15):
            fresh_rates.append(self.fresh_drain(n).rate)
            aged.insert(n)
            rates.append(drain(aged, self.broker, n).rate)
            say(f"{name}: {rates[-1]:.0f}/s, fresh {fresh_rates[-1]:.0f}/s")
        self.table.add(name, statistics.median(rates), "events/s",
                       statistics.median(fresh_rates), at_least=0.9)

    def published_behind(self):
        aged = Outbox(self.postgres, "bench_aged")
        relay = Relay(aged, self.broker)
        while aged.inserted < self.sizes.behind and self.left() > 45:
            aged.insert(100_000)
            relay.await_published(aged.inserted)
            self.broker.purge()
        relay.stop()
        self.beside_fresh(behind_row(aged.inserted), aged)
        aged.drop()

    def load(self, aged, seconds):
        """5,000 events/s, 50 per transaction."""
        connection = self.postgres.connect(aged.name)
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            aged.insert(50, connection)
            if aged.inserted % 100_000 == 0:
                self.broker.purge()
            time.sleep(max(0, aged.inserted / 5000 - passed))
        connection.close()

    def held_transaction(self):
        aged = Outbox(self.postgres, "bench_held")
        holder = self.postgres.connect(aged.name)
        holder.autocommit = False
        holder.set_session(isolation_level="REPEATABLE READ")
        holder.cursor().execute("SELECT pg_current_xact_id()")
        relay = Relay(aged, self.broker)
        self.load(aged, self.sizes.held_s)
        relay.await_published(aged.inserted)
        relay.stop()
        say(f"{aged.inserted} events were published behind the open transaction")
        self.beside_fresh(held_row(self.sizes), aged)
        holder.close()
        aged.drop()


def backlog_row(sizes):
    return f"drain {sizes.backlog:,} events, beside a bare publish loop"


def peer_row(listener):
    return f"drain, beside pg-transactional-outbox {peer.VERSION}, {listener}"


def latency_rows(rate):
    return [(f"{what} at {rate:,} events/s, {q}", "ms")
            for what in ("commit to consumer", "insert to confirm") for q in ("p50", "p99")]


def late_row(sizes, q):
    return f"deliveries: due to consumer, {sizes.waiting:,} waiting, {q}"


def behind_row(events):
    return f"drain with {events:,} published events behind it, beside fresh"


def held_row(sizes):
    return f"drain after {sizes.held_s} s beside a transaction held open, beside fresh"


def run(sizes):
    bench = Bench(sizes)
    bench.measure([(backlog_row(sizes), "events/s")], 30, bench.backlog)
    for rate in (100, 1000):
        bench.measure(latency_rows(rate), 3 * sizes.latency_s // 2 + 16, bench.latency, rate)
    bench.measure([(late_row(sizes, q), "ms") for q in ("p50", "p99")],
                  2 * sizes.deliveries_s + 35, bench.deliveries)
    for listener in ("polling", "replication"):
        bench.measure([(peer_row(listener), "events/s")], sizes.peer_s + 20,
                      bench.beside_peer, listener)
    bench.measure([(held_row(sizes), "events/s")], sizes.held_s + 30, bench.held_transaction)
    bench.measure([(behind_row(sizes.behind), "events/s")], 60, bench.published_behind)
    return bench.table


def main():
    parser = argparse.ArgumentParser(prog="./dev bench relay", description=__doc__)
    parser.add_argument("--full", action="store_true",
                        help="10 M published events, a transaction held for 10 minutes")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    args = parser.parse_args()
    table = run(FULL if args.full else USUAL)
    print(table)
    if args.json:
        table.write_json(args.json)


if __name__ == "__main__":
    main()
