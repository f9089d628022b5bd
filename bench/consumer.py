"""./dev bench consumer: how fast a consumer drains its queue, by the size of its batches
and its prefetch, and what each of the consumers needs.

Every event is one that the service handles, with its business rows, its inbox, its own
events in the outbox; no relay runs, so that what is measured is the consumer."""
import argparse
import json
import os
import statistics
import sys
import time
import uuid

from child import cpu_seconds, peak_rss_mb
from servers import RUN, need_env
from table import Table, say

for name in ("PG_DSN", "AMQP_URL", "MGMT_URL", "BIN", "RUN"):
    os.environ[f"WB_TEST_{name}"] = need_env(f"WB_BENCH_{name}")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests", "support"))
from stack import ROOT, Stack, eventually  # noqa: E402

import pika  # noqa: E402

# consumer process: (queue, event)
CONSUMERS = {"inventory": ("inventory", "order.placed.v1"), "payments": ("payments", "stock.reserved.v1"),
             "shipping": ("shipping", "payment.captured.v1"), "orders-consumer": ("orders", "shipment.created.v1"),
             "history": ("history", "order.placed.v1"), "notifications": ("notifications", "order.confirmed.v1")}
# (batch, prefetch): the last is the default.
SIZES = [(1, 500), (20, 500), (50, 500), (500, 500), (500, 1250), (200, 200), (200, 1000), (200, 500)]
SKUS = 100


class Bench:
    def __init__(self, n, times):
        self.n, self.times, self.table = n, times, Table()
        self.postgres, self.broker = (int((RUN / f).read_text().split()[0]) for f in ("pid/postgres", "rabbitmq/node.pid"))
        self.stack = Stack("bench", bindings=False, env={"notifications": {"WB_MAIL_POLL_MS": "60000"}})

    def event(self, event_type, i):
        path = ROOT / "schema/events/examples" / event_type / "valid-minimal.json"
        event = json.loads(path.read_text())
        event["id"], order = str(uuid.uuid4()), event["data"]["order"]
        event["subject"] = order["order_id"] = str(uuid.uuid4())
        for line in order["lines"]:
            line["sku"] = f"SKU{i % SKUS}"
        return event

    def prepare(self, event_type, n):
        """What the events need to be handled; returns them."""
        events = [self.event(event_type, i) for i in range(n)]
        sql = self.stack.rows
        sql("inventory", "TRUNCATE stock, stock_receipts, reservations, inbox")
        sql("inventory", "INSERT INTO stock (sku, received, on_hand) SELECT 'SKU' || n, 1000000000, 1000000000 "
            "FROM generate_series(0, %s) n", (SKUS,))
        if event_type == "shipment.created.v1":
            sql("orders", "INSERT INTO orders (order_id, customer_id, currency, total_minor, snapshot, placed_at, "
                "deadline_at) SELECT id, id, 'EUR', 1, '{}', now(), 'infinity' FROM unnest(%s::uuid[]) id",
                ([e["subject"] for e in events],))
        if event_type == "order.confirmed.v1":
            sql("notifications", "INSERT INTO customers SELECT DISTINCT id, 'A', 'a@example.org' FROM "
                "unnest(%s::uuid[]) id ON CONFLICT DO NOTHING", ([e["data"]["order"]["customer_id"] for e in events],))
        return events

    def fill(self, queue, events):
        connection = self.stack.connect()
        channel = connection.channel()
        for event in events:
            channel.basic_publish("", queue, json.dumps(event).encode(), pika.BasicProperties(
                content_type="application/cloudevents+json", delivery_mode=2, message_id=event["id"]))
        # Not confirmed, for speed: a quorum queue may lose what is under way when its
        # channel is closed.
        eventually(lambda: self.stack.queue_depth(queue) == len(events), 60, "the queue is filled")
        connection.close()
        self.stack.sql("postgres", "CHECKPOINT")

    def drain(self, process, n, **env):
        """Seconds, and CPU of process, Postgres and RabbitMQ in µs per message; peak RSS in MB."""
        queue, event_type = CONSUMERS[process]
        self.fill(queue, self.prepare(event_type, n))
        costs = [cpu_seconds(self.postgres), cpu_seconds(self.broker)]
        child, started = self.stack.processes[process], time.monotonic()
        child.start(**env)
        database = self.stack.database({"orders-consumer": "orders"}.get(process, process))
        # Bounded by the number of messages, so that looking costs little.
        eventually(lambda: time.sleep(0.1) or self.stack.sql(database, "SELECT count(*) FROM inbox") == [(n,)],
                   300, f"{process} has handled {n}")
        seconds = time.monotonic() - started
        eventually(lambda: self.stack.queue_totals()[queue] == 0, 60, "all are acked")
        own, rss = cpu_seconds(child.child.pid), peak_rss_mb(child.child.pid)
        costs = [own, cpu_seconds(self.postgres) - costs[0], cpu_seconds(self.broker) - costs[1]]
        child.kill(15)
        self.stack.sql(database, "TRUNCATE inbox")
        return seconds, [cost / n * 1e6 for cost in costs], rss

    # ---- what is told

    def sizes(self):
        rates = {size: [] for size in SIZES}
        costs = {size: [] for size in SIZES}
        for _ in range(self.times):  # in turn: the machine has its moods
            for batch, prefetch in SIZES:
                n = self.n if batch > 1 else self.n // 5
                seconds, cost, _ = self.drain("inventory", n, WB_BATCH_MESSAGES=str(batch), WB_PREFETCH=str(prefetch))
                rates[batch, prefetch].append(n / seconds)
                costs[batch, prefetch].append(cost)
                say(f"batch {batch}, prefetch {prefetch}: {n / seconds:,.0f}/s")
        yardstick = statistics.median(rates[SIZES[-1]])
        for size in SIZES:
            own, postgres, broker = (statistics.median(c) for c in zip(*costs[size]))
            self.table.add("inventory, batch %d, prefetch %d" % size, statistics.median(rates[size]), "msgs/s", yardstick,
                           note=f"CPU per message: {own:.0f} µs own, {postgres:.0f} Postgres, {broker:.0f} RabbitMQ")

    def each(self):
        for process in CONSUMERS:
            seconds, (own, postgres, broker), rss = self.drain(process, self.n)
            say(f"{process}: {self.n / seconds:,.0f}/s, {rss:.1f} MB")
            self.table.add(f"{process}, defaults", self.n / seconds, "msgs/s",
                           note=f"CPU per message: {own:.0f} µs own, {postgres:.0f} Postgres, {broker:.0f} RabbitMQ")
            self.table.add(f"- peak RSS of {process}", rss, "MB", below=20)

    def purge(self):
        sql, n = self.stack.rows, 200000
        for name, age, unit in (("forget an old inbox row", 31, "µs/row"), ("look at a young one", 1, "µs/row")):
            sql("shipping", "TRUNCATE inbox")
            sql("shipping", "INSERT INTO inbox SELECT 'shipping', gen_random_uuid(), now() - %s * interval '1 day' "
                "FROM generate_series(1, %s)", (age, n))
            self.stack.sql("postgres", "CHECKPOINT")
            before, block = cpu_seconds(self.postgres), 0
            while True:
                (block,), = sql("shipping", "SELECT inbox_forget(30, %s)", (block,))
                if block == 0:
                    break
            self.table.add(f"CPU of Postgres: {name}", (cpu_seconds(self.postgres) - before) / n * 1e6, unit)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(*((40000, 5) if arguments.full else (10000, 3)))
    bench.sizes()
    bench.each()
    bench.purge()
    bench.stack.stop()
    if arguments.json:
        bench.table.write_json(arguments.json)
    print(bench.table)


if __name__ == "__main__":
    main()
