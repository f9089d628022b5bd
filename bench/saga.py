"""./dev bench saga: the whole system under load, beside the same build with batches of
one, in the same run; what each part of it costs; and one order on an idle system."""
import argparse
import http.client
import json
import os
import random
import socket
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

for name in ("PG_DSN", "AMQP_URL", "MGMT_URL", "BIN", "RUN"):
    os.environ[f"WB_TEST_{name}"] = os.environ.get(f"WB_BENCH_{name}", "")
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from child import Failed, cpu_seconds, peak_rss_mb  # noqa: E402
from latency import quantile  # noqa: E402
from posting import CUSTOMERS, PRODUCTS, body, customer_id, wrk, write_bodies  # noqa: E402
from servers import Broker, Postgres  # noqa: E402
from stack import PROCESSES, SERVICES, Stack, eventually  # noqa: E402
from table import Table, say  # noqa: E402

CONNECTIONS = 32
CONSUMERS = ("orders-consumer", "inventory", "payments", "shipping", "history", "notifications")

ONE = {process: {"WB_BATCH_MESSAGES": "1"} for process in CONSUMERS}
ONE["orders-api"] = {"WB_ACCEPT_BATCH_ORDERS": "1"}
ONE["outbox-relay"] = {"WB_BATCH_EVENTS": "1"}


@dataclass
class Sizes:
    """seconds: for all of it; what does not fit any more is skipped."""
    seconds: int = 285
    load_s: int = 6
    one_s: int = 2
    times: int = 3
    alone: int = 200


@dataclass
class Result:
    """Orders/s, and per part of the system the CPU in µs per order and peak RSS in MB."""
    rate: float
    cpu: dict = field(default_factory=dict)
    rss: dict = field(default_factory=dict)


class System:
    """Everything as shipped, on databases and a vhost of its own. No mail goes out: the
    mail server takes connections and never answers, so that it costs nothing."""

    def __init__(self, env):
        self.silent = socket.create_server(("127.0.0.1", 0), backlog=64)
        env = {**env, "notifications": {
            **env.get("notifications", {}),
            "WB_SMTP_URL": f"smtp://127.0.0.1:{self.silent.getsockname()[1]}"}}
        self.stack = Stack("bench-saga", env=env)
        self.postgres, self.broker = Postgres(), Broker()
        self.stack.start()
        self._seed()

    def _seed(self):
        stack = self.stack
        for i in range(CUSTOMERS):
            stack.api("customers-api", "POST", "/customers",
                      {"customer_id": customer_id(i), "name": "Ada", "email": "ada@example.org"})
        for i in range(PRODUCTS):
            stack.api("catalog-api", "PUT", f"/products/SKU-{i:03}",
                      {"name": f"Product number {i}", "price_minor": 100 + i, "currency": "EUR"})
            stack.api("catalog-api", "POST", f"/products/SKU-{i:03}/receipts",
                      {"quantity": 100_000_000})
        eventually(lambda: stack.rows("inventory", "SELECT count(*) FROM stock WHERE on_hand > 0")
                   == [(PRODUCTS,)], 60, "the stock is in")
        for table, n in (("customers", CUSTOMERS), ("products", PRODUCTS)):
            eventually(lambda t=table, n=n: stack.rows("orders", f"SELECT count(*) FROM {t}")
                       == [(n,)], 60, "the replicas are filled")

    def close(self):
        self.stack.stop()
        self.silent.close()
        for service in SERVICES:
            self.postgres.drop(f'"{self.stack.database(service)}"')

    # ---- what it costs

    def pids(self):
        return {name: process.child.pid for name, process in self.stack.processes.items()}

    def costs(self):
        costs = {name: cpu_seconds(pid) for name, pid in self.pids().items()}
        return {**costs, "Postgres": self.postgres.cpu_seconds(),
                "RabbitMQ": self.broker.cpu_seconds()}

    # ---- orders

    def post(self, bodies, seconds):
        """As many orders as it takes in that time."""
        wrk(self.stack.ports["orders-api"], bodies, CONNECTIONS, False, seconds)

    def count(self, service, what):
        return self.stack.rows(service, f"SELECT count(*) FROM {what}")[0][0]

    def await_end(self, seconds=180):
        """Until every order is confirmed, and the history and the mails know. How many."""
        stack = self.stack
        eventually(lambda: stack.rows(
            "orders", "SELECT EXISTS (SELECT FROM orders WHERE status = 'PENDING')") == [(False,)],
            seconds, "no order is pending")
        n = self.count("orders", "orders")
        eventually(lambda: self.count("history", "orders WHERE ended_at IS NOT NULL") == n,
                   seconds, "the history has them")
        eventually(lambda: self.count("notifications", "mails") == n, seconds, "so have the mails")
        if (confirmed := self.count("orders", "orders WHERE status = 'CONFIRMED'")) != n:
            raise Failed(f"{n - confirmed} of {n} orders are not confirmed")
        return n

    def measure(self, bodies, seconds):
        self.post(bodies, 1)
        before = self.await_end()
        self.postgres.checkpoint()
        costs, began = self.costs(), time.monotonic()
        self.post(bodies, seconds)
        n = self.await_end() - before
        rate = n / (time.monotonic() - began)
        cpu = {name: (cost - costs[name]) / n * 1e6 for name, cost in self.costs().items()}
        return Result(rate, cpu, {name: peak_rss_mb(pid) for name, pid in self.pids().items()})

    def one_order(self, connection, text):
        """ms from its POST until the answer, which waits for the order's end."""
        began = time.monotonic()
        connection.request("POST", "/orders", text,
                           {"Content-Type": "application/json", "Prefer": "wait=30"})
        status = json.loads(connection.getresponse().read())["status"]
        if status != "CONFIRMED":
            raise Failed(f"an order is {status}")
        return (time.monotonic() - began) * 1000

    def alone(self, n):
        """Of orders that are the only one each: the one before is recorded and told."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.ports["orders-api"])
        rng, waits = random.Random(3), []
        for _ in range(n):
            time.sleep(rng.uniform(0.1, 0.2))
            waits.append(self.one_order(connection, body(rng)))
        return waits[n // 10:]  # the first ones meet cold caches


# ---- the bench

class Bench:
    def __init__(self, sizes):
        self.sizes, self.table = sizes, Table()
        self.ends = time.monotonic() + sizes.seconds
        self.bodies = write_bodies()
        self.all, self.one, self.waits = [], [], []

    def round(self, is_first):
        system = System({})
        try:
            if is_first:
                self.waits = system.alone(self.sizes.alone)
                say(f"one order alone: p50 {quantile(self.waits, 0.5):.1f} ms, "
                    f"p99 {quantile(self.waits, 0.99):.1f} ms")
            self.all.append(system.measure(self.bodies, self.sizes.load_s))
        finally:
            system.close()
        system = System(ONE)
        try:
            self.one.append(system.measure(self.bodies, self.sizes.one_s))
        finally:
            system.close()
        say(f"{self.all[-1].rate:.0f} orders/s, in batches of one {self.one[-1].rate:.0f}/s")

    def run(self):
        began = time.monotonic()
        for i in range(self.sizes.times):
            if i > 0 and self.ends - time.monotonic() < (time.monotonic() - began) / i:
                break
            self.round(i == 0)

    def report(self):
        add = self.table.add
        rate = statistics.median(r.rate for r in self.all)
        one = statistics.median(r.rate for r in self.one)
        cpu = {name: statistics.median(r.cpu[name] for r in self.all) for name in self.all[0].cpu}
        add("orders to CONFIRMED", rate, "orders/s", at_least=2000)
        add("- beside batches of one", rate, "orders/s", one, at_least=3)
        add("- CPU of everything", sum(cpu.values()), "µs/order",
            statistics.median(sum(r.cpu.values()) for r in self.one))
        for name in sorted(cpu, key=cpu.get, reverse=True):
            add(f"- CPU of {name}, beside all", cpu[name], "µs/order", sum(cpu.values()))
        for name in PROCESSES:
            is_consumer = name in CONSUMERS
            add(f"- peak RSS of {name}", max(r.rss[name] for r in self.all), "MB",
                below=20 if is_consumer else None)
        add("one order on an idle system, p50", quantile(self.waits, 0.5), "ms", below=12)
        add("one order on an idle system, p99", quantile(self.waits, 0.99), "ms", below=25)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench saga", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    args = parser.parse_args()
    bench = Bench(Sizes())
    bench.run()
    bench.report()
    print(bench.table)
    if args.json:
        bench.table.write_json(args.json)


if __name__ == "__main__":
    main()
