"""A database with an outbox, a backlog in it, and the relay that drains it."""
import re
import socket
import statistics
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from child import Child, Failed, cpu_seconds, peak_rss_mb, reaped_cpu_seconds
from servers import EVENT_TYPE, EXCHANGE, RUN, need_env

AGGREGATES = 5000
BIN = Path(need_env("WB_BENCH_BIN"))

# In the envelope it becomes a message of about 500 bytes.
INSERT = f"""
INSERT INTO outbox_events (aggregate_type, aggregate_id, sequence, event_type, payload)
SELECT 'bench', 'aggregate-' || i %% {AGGREGATES}, i / {AGGREGATES} + 1, '{EVENT_TYPE}',
       json_build_object('number', i, 'text', repeat(md5(i::text), 5))
FROM generate_series(%s::bigint, %s::bigint) AS i"""


class Outbox:
    """A fresh database; insert goes on where it stopped, without gaps."""

    def __init__(self, postgres, name):
        self.postgres, self.name, self.inserted = postgres, name, 0
        postgres.create(name, postgres.template)

    def insert(self, n, connection=None):
        last = self.inserted + n - 1
        if connection:
            with connection.cursor() as cursor:
                cursor.execute(INSERT, (self.inserted, last))
        else:
            self.postgres.sql(self.name, INSERT, (self.inserted, last))
        self.inserted += n

    def drop(self):
        self.postgres.drop(self.name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Relay(Child):
    """One shipped outbox-relay for one database."""

    def __init__(self, outbox, broker):
        self.port = free_port()
        dsn = outbox.postgres.dsn(outbox.name, "relay")
        super().__init__([BIN / "outbox-relay"], {
            "WB_SOURCES": f"bench={dsn}",
            "WB_EXCHANGE": EXCHANGE,
            "WB_AMQP_BROKERS": broker.url,
            "WB_ADMIN_LISTEN": f"127.0.0.1:{self.port}",
        }, RUN / "log" / "bench-relay.log")

    def get(self, path):
        """None before it listens, and when it answers with an error."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}",
                                        timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            if not self.is_running():
                raise Failed(f"outbox-relay ended, see {self.log}") from None
            return None

    def await_ready(self):
        deadline = time.monotonic() + 30
        while self.get("/ready") is None:
            if time.monotonic() > deadline:
                raise Failed("outbox-relay did not get ready within 30 s")
            time.sleep(0.02)

    def metrics(self):
        """{'name{labels}': value}"""
        return {name: float(value) for name, value in
                re.findall(r"^(\w+\{.*\}) (\S+)$", self.get("/metrics") or "", re.MULTILINE)}

    def published(self, kind="events"):
        return int(sum(value for name, value in self.metrics().items()
                       if name.startswith(f"wb_relay_{kind}_total{{")
                       and 'outcome="published"' in name))

    def await_published(self, n, seconds=180, kind="events"):
        deadline = time.monotonic() + seconds
        while (published := self.published(kind)) < n:
            if time.monotonic() > deadline:
                raise Failed(f"published {published} of {n} {kind} in {seconds} s")
            time.sleep(0.02)


@dataclass
class Drain:
    """Rates in events/s, CPU in µs per event."""
    rate: float
    cpu: float
    postgres_cpu: float
    rabbitmq_cpu: float
    rss_mb: float


def drain(outbox, broker, n):
    """From the start of a relay until the last of the n waiting events is confirmed."""
    broker.purge()
    outbox.postgres.checkpoint()
    before = outbox.postgres.cpu_seconds(), broker.cpu_seconds()
    relay = Relay(outbox, broker)
    relay.await_published(n)
    seconds = time.monotonic() - relay.started
    after = outbox.postgres.cpu_seconds(), broker.cpu_seconds()
    result = Drain(n / seconds, cpu_seconds(relay.pid) / n * 1e6,
                   (after[0] - before[0]) / n * 1e6, (after[1] - before[1]) / n * 1e6,
                   peak_rss_mb(relay.pid))
    relay.stop()
    if (depth := broker.depth()) != n:
        raise Failed(f"the queue holds {depth} messages, not {n}")
    return result


def publish_loop(broker, body, n):
    """The yardstick: the same messages without a database, order or bookkeeping."""
    broker.purge()
    body_file = RUN / "bench-body"
    body_file.write_bytes(body)
    before, reaped = broker.cpu_seconds(), reaped_cpu_seconds()
    loop = Child([BIN / "publish-loop", f"--exchange={EXCHANGE}",
                  f"--routing-key={EVENT_TYPE}", f"--body-file={body_file}",
                  f"--events={n}", "--window=1000"],
                 {"WB_AMQP_BROKERS": broker.url}, RUN / "log" / "bench-publish-loop.log")
    loop.wait()
    seconds = time.monotonic() - loop.started
    cpu = reaped_cpu_seconds() - reaped
    rabbitmq_cpu = (broker.cpu_seconds() - before) / n * 1e6
    if (depth := broker.depth()) != n:
        raise Failed(f"the queue holds {depth} messages, not {n}")
    return Drain(n / seconds, cpu / n * 1e6, 0, rabbitmq_cpu, 0)


def medians(drains):
    return Drain(*(statistics.median(getattr(d, field) for d in drains)
                   for field in Drain.__dataclass_fields__))
