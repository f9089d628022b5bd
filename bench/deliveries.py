"""How late deliveries are, what it costs to wait for them and how fast they are sent,
while very many wait for a later time.

Each body is the time at which the delivery falls due; a consumer notes when it came.
"""
import time
from dataclasses import dataclass

from child import Failed, cpu_seconds
from latency import quantile
from outbox import Outbox, Relay
from servers import QUEUE

INSERT = """
INSERT INTO outbox_deliveries (consumer, queue, routing_key, event_id, attempt,
                               content_type, body, due_at)
SELECT 'bench', %(queue)s, 'bench.due.v1', gen_random_uuid(), 1, 'text/plain',
       convert_to(extract(epoch FROM due_at)::text, 'UTF8'), due_at
  FROM (SELECT clock_timestamp() + (%(after_s)s + random() * %(within_s)s) * interval '1 s'
               AS due_at FROM generate_series(1, %(n)s)) AS d"""
DAY_S = 24 * 3600
SETTLE_S = 2
DUE = 500
AT_ONCE = 20_000


@dataclass
class Deliveries:
    """late: ms, p50 and p99. CPU while none is due: ms per s. rate: sent per s, of many
    that are due at once."""
    late: tuple
    relay_cpu: float
    postgres_cpu: float
    rate: float


def insert(outbox, n, after_s, within_s):
    outbox.postgres.sql(outbox.name, INSERT, {"queue": QUEUE, "n": n, "after_s": after_s,
                                              "within_s": within_s})


def idle_cpu(relay, postgres, seconds):
    """ms per s, of the relay and of Postgres."""
    time.sleep(SETTLE_S)
    before = cpu_seconds(relay.pid), postgres.cpu_seconds()
    time.sleep(seconds)
    after = cpu_seconds(relay.pid), postgres.cpu_seconds()
    return [(b - a) / seconds * 1000 for a, b in zip(before, after)]


def consume(broker, n, seconds):
    """ms from due to here, of n deliveries."""
    late, deadline = [], time.monotonic() + seconds
    with broker.connect() as connection:
        channel = connection.channel()
        for method, _, body in channel.consume(QUEUE, auto_ack=True, inactivity_timeout=1):
            if method:
                late.append((time.time() - float(body)) * 1000)
            if len(late) == n:
                break
            if time.monotonic() > deadline:
                raise Failed(f"{len(late)} of {n} deliveries came in {seconds} s")
        channel.cancel()
    return late


def sent_per_s(outbox, relay):
    before = relay.published("deliveries")
    insert(outbox, AT_ONCE, 0, 0)
    begin = time.monotonic()
    relay.await_published(before + AT_ONCE, kind="deliveries")
    return AT_ONCE / (time.monotonic() - begin)


def measure(postgres, broker, waiting, seconds):
    """waiting: how many fall due in a day or later."""
    outbox = Outbox(postgres, "bench_deliveries")
    insert(outbox, waiting, DAY_S, DAY_S)
    postgres.sql(outbox.name, "VACUUM ANALYZE outbox_deliveries")
    postgres.checkpoint()
    broker.purge()
    relay = Relay(outbox, broker)
    relay.await_ready()
    relay_cpu, postgres_cpu = idle_cpu(relay, postgres, seconds)
    insert(outbox, DUE, 1, seconds)
    late = consume(broker, DUE, seconds + 10)
    rate = sent_per_s(outbox, relay)
    relay.stop()
    outbox.drop()
    return Deliveries((quantile(late, 0.5), quantile(late, 0.99)), relay_cpu, postgres_cpu,
                      rate)
