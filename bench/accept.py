"""./dev bench accept: POST /orders beside pgbench, which stores the same rows one order
per transaction, in the same run."""
import argparse
import json
import os
import random
import re
import statistics
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pika
import psycopg2

from child import Child, Failed, cpu_seconds, kill_all
from outbox import BIN, Relay, free_port
from posting import CUSTOMERS, PRODUCTS, body, customer_id, wrk, write_bodies
from servers import EXCHANGE, QUEUE, RUN, Broker, Postgres, need_env
from table import Table, say

PGBENCH_CLIENTS = 32
KEYLESS, KEYED = "", " with Idempotency-Key"


@dataclass
class Sizes:
    """seconds: for all of it; what does not fit any more is cut short or skipped."""
    seconds: int = 280
    run_s: int = 7
    warm_up_s: int = 1
    times: int = 3


@dataclass
class Result:
    """Orders/s, ms, and CPU in µs per order."""
    rate: float
    p50: float = 0.0
    p99: float = 0.0
    api_cpu: float = 0.0
    postgres_cpu: float = 0.0
    relay_cpu: float = 0.0
    rabbitmq_cpu: float = 0.0


def median(results):
    return Result(*(statistics.median(getattr(r, field) for r in results)
                    for field in Result.__dataclass_fields__))


# ---- a system that takes orders

class Api(Child):
    """One shipped orders-api."""

    def __init__(self, postgres, database):
        self.port, self.admin_port = free_port(), free_port()
        super().__init__([BIN / "orders-api"], {
            "WB_DSN": postgres.dsn(database, "orders"),
            "WB_HTTP_LISTEN": f"127.0.0.1:{self.port}",
            "WB_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
        }, RUN / "log" / "bench-orders-api.log")

    def await_ready(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/ready"):
                    return
            except OSError:
                time.sleep(0.02)
        raise Failed(f"orders-api did not get ready within 30 s, see {self.log}")


class System:
    """A fresh database, an API for it, and the relay that publishes meanwhile."""
    name = "bench_accept"

    def __init__(self, postgres, broker):
        self.postgres, self.broker = postgres, broker
        postgres.create(self.name, "orders")
        postgres.sql(self.name, "INSERT INTO customers SELECT c, 'Ada', 'ada@waybill.example'"
                     " FROM unnest(%s::uuid[]) AS c", ([customer_id(i) for i in range(CUSTOMERS)],))
        postgres.sql(self.name, "INSERT INTO products (sku, name, price_minor, currency, version)"
                     " SELECT 'SKU-' || to_char(i, 'FM000'), 'Product number ' || i, 100 + i,"
                     " 'EUR', 1 FROM generate_series(0, %s) AS i", (PRODUCTS - 1,))
        postgres.sql(self.name, "VACUUM ANALYZE")
        self.relay = Relay(self, broker)
        self.api = Api(postgres, self.name)
        self.relay.await_ready()
        self.api.await_ready()

    def count(self):
        return self.postgres.sql(self.name, "SELECT count(*) FROM orders")[0][0]

    def close(self):
        self.api.stop()
        self.relay.stop()
        self.postgres.drop(self.name)

    def costs(self):
        return (cpu_seconds(self.api.pid), self.postgres.cpu_seconds(),
                cpu_seconds(self.relay.pid), self.broker.cpu_seconds())

    def measure(self, load, *args):
        """load(...) returns how many orders it stored, in how many seconds, and more."""
        self.broker.purge()
        self.postgres.checkpoint()
        stored, before = self.count(), self.costs()
        found = load(*args)
        costs = [(b - a) / found["requests"] * 1e6 for a, b in zip(before, self.costs())]
        # wrk ends while some of its requests are at work: those are stored too.
        stored = self.count() - stored
        if not found["requests"] <= stored <= found["requests"] + found["connections"]:
            raise Failed(f"{found['requests']} orders were accepted, {stored} are stored")
        return Result(found["requests"] / found["seconds"], found.get("p50_ms", 0),
                      found.get("p99_ms", 0), *costs)


# ---- loads

def post(system, *args):
    return wrk(system.api.port, *args)


def literal(value):
    """For pgbench, which takes a colon and a letter for a variable."""
    text = json.dumps(value) if not isinstance(value, str) else value
    return "'" + text.replace("'", "''") + "'"


def write_script(system):
    """The rows of an order that the API has stored, with other ids."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{system.api.port}/orders", body(random.Random(2)).encode(),
        {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()
    order = system.postgres.sql(system.name, """
        SELECT customer_id::text, total_minor, snapshot::text, payload::text, traceparent
        FROM orders JOIN outbox_events ON aggregate_id = order_id::text LIMIT 1""")[0]
    customer, total, snapshot, payload, traceparent = order
    path = RUN / "bench-accept.pgbench"
    path.write_text(f"""
WITH o AS (
  INSERT INTO orders (order_id, customer_id, currency, total_minor, snapshot, placed_at, deadline_at)
  VALUES (gen_random_uuid(), '{customer}', 'EUR', {total}, {literal(snapshot)}, now(),
          now() + interval '15 min')
  RETURNING order_id)
INSERT INTO outbox_events (event_id, aggregate_type, aggregate_id, sequence, event_type, payload,
                           correlation_id, traceparent)
SELECT gen_random_uuid(), 'order', order_id, 1, 'order.placed.v1', {literal(payload)}, order_id,
       '{traceparent}' FROM o;
""".replace("\n", " ").strip() + "\n")
    return path


def pgbench(system, script, seconds):
    program = Path(need_env("WB_BENCH_PG_BIN")) / "pgbench"
    done = subprocess.run(
        [program, "-n", "-M", "prepared", "-f", script, "-c", str(PGBENCH_CLIENTS), "-j2",
         "-T", str(seconds)],
        env={**os.environ, **system.postgres.environment(system.name)},
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"pgbench: {done.stderr.strip().splitlines()[-1]}")
    stored = int(re.search(r"actually processed: (\d+)", done.stdout)[1])
    rate = float(re.search(r"tps = ([\d.]+)", done.stdout)[1])
    return {"requests": stored, "seconds": stored / rate, "connections": 0}


# ---- the bench

class Bench:
    def __init__(self, sizes):
        self.sizes, self.table = sizes, Table()
        self.ends = time.monotonic() + sizes.seconds
        self.postgres, self.broker = Postgres(), Broker()
        with self.broker.connect() as connection:
            connection.channel().queue_bind(QUEUE, EXCHANGE, "order.placed.v1")
        self.bodies, self.script = write_bodies(), None
        self.results = {}  # of what is measured, by its name

    def fresh(self, name, load, *args):
        """Once more, on a fresh system."""
        system = System(self.postgres, self.broker)
        try:
            if self.script is None:
                self.script = write_script(system)
            post(system, self.bodies, 16, False, self.sizes.warm_up_s)
            result = system.measure(load, system, *args)
        finally:
            system.close()
        say(f"{name}: {result.rate:.0f}/s" +
            (f", p50 {result.p50:.1f}, p99 {result.p99:.1f} ms" if result.p50 else ""))
        self.results.setdefault(name, []).append(result)

    def pgbench(self, system):
        return pgbench(system, self.script, self.sizes.run_s)

    def posts(self, connections, keys, delay_ms=None):
        name = post_name(connections, keys) + (" at half" if delay_ms else "")
        self.fresh(name, post, self.bodies, connections, keys == KEYED, self.sizes.run_s,
                   delay_ms)

    def left(self):
        return self.ends - time.monotonic()

    def run(self):
        each_s = self.sizes.run_s + self.sizes.warm_up_s + 4
        for i in range(self.sizes.times):
            if i > 0 and self.left() < 8 * each_s:
                break
            self.fresh("pgbench", self.pgbench)
            for connections in (16, 64, 256):
                for keys in (KEYLESS, KEYED):
                    self.posts(connections, keys)
        # So many that what an answer takes hardly counts beside the pauses.
        half = median(self.results[post_name(64, KEYLESS)]).rate / 2
        for keys in (KEYLESS, KEYED):
            self.posts(256, keys, delay_ms=256 / half * 1000)
        self.tell(half)

    def tell(self, half):
        add = self.table.add
        pgbench_result = median(self.results["pgbench"])
        for keys in (KEYLESS, KEYED):
            for connections in (16, 64, 256):
                name = post_name(connections, keys)
                add(name + ", beside pgbench", median(self.results[name]).rate, "orders/s",
                    pgbench_result.rate, at_least=1.5)
        for keys in (KEYLESS, KEYED):
            name = post_name(64, keys)
            result = median(self.results[name])
            add(f"CPU of orders-api, {name}", result.api_cpu, "µs/order")
            add("- of Postgres, and with pgbench", result.postgres_cpu, "µs/order",
                pgbench_result.postgres_cpu)
            add("- of the relay, and with pgbench", result.relay_cpu, "µs/order",
                pgbench_result.relay_cpu)
            add("- of RabbitMQ, and with pgbench", result.rabbitmq_cpu, "µs/order",
                pgbench_result.rabbitmq_cpu)
        for keys in (KEYLESS, KEYED):
            result = median(self.results[post_name(256, keys) + " at half"])
            note = f"{result.rate:.0f}/s were posted"
            name = f"latency at {half:,.0f}/s, half of 64 connections' rate{keys}"
            add(f"{name}, p50", result.p50, "ms", note=note)
            add(f"{name}, p99", result.p99, "ms")


def post_name(connections, keys):
    return f"POST /orders, {connections} connections{keys}"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench accept", description=__doc__)
    parser.add_argument("--full", action="store_true", help="longer, ten minutes or so")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    args = parser.parse_args()
    bench = Bench(Sizes(seconds=900, run_s=15, times=5) if args.full else Sizes())
    try:
        bench.run()
    except (Failed, psycopg2.Error, pika.exceptions.AMQPError) as failure:
        kill_all()
        raise SystemExit(f"bench accept: {failure}") from failure
    print(bench.table)
    if args.json:
        bench.table.write_json(args.json)


if __name__ == "__main__":
    main()
