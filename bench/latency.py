"""How long from a commit to the broker's confirm, and to a consumer.

pgbench commits one event per transaction, at random moments of a fixed average rate
whether or not the system keeps up, and logs when each COMMIT returned. A consumer
notes when each event arrived. The relay's own histogram begins at the insert, so it
holds the commit's fsync too. What the broker and the consumer take of it is measured
with a publisher that has neither database nor order, while pgbench commits as before
and nobody relays it.
"""
import json
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from child import Child, Failed
from outbox import Outbox, Relay
from servers import QUEUE, RUN, need_env

HISTOGRAM = "wb_relay_commit_to_confirm_seconds_bucket{"
CLIENTS = 8
WARM_UP_S = 2
# Many at once, as a consumer that works in batches does.
ACK_EVERY = 100
SCRIPT = Path(__file__).with_name("latency.pgbench")
PUBLISHER = Path(__file__).with_name("publisher.py")


@dataclass
class Latency:
    """In ms. offered: transactions/s that were committed."""
    offered: float
    consumer: tuple  # p50, p99
    confirm: tuple
    broker: tuple  # published to consumer, without database and relay


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def buckets(relay):
    """[(upper bound in s, cumulative count)]"""
    found = [(float(re.search(r'le="([^"]+)"', name)[1].replace("+Inf", "inf")), count)
             for name, count in relay.metrics().items() if name.startswith(HISTOGRAM)]
    return sorted(found)


def histogram_quantile(before, after, q):
    """By interpolation within its bucket, like Prometheus'."""
    earlier = dict(before)
    counts = [(bound, count - earlier.get(bound, 0)) for bound, count in after]
    rank, low, below = q * counts[-1][1], 0.0, 0.0
    for bound, count in counts:
        if count >= rank and count > below:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (rank - below) / (count - below)
        low, below = bound, count
    return low


def consume(broker, load):
    """[(wall clock, body)] until the load has ended and a second of silence has
    followed."""
    arrivals = []
    with broker.connect() as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=500)
        for method, _, body in channel.consume(QUEUE, inactivity_timeout=1):
            if method:
                arrivals.append((time.time(), body))
                if len(arrivals) % ACK_EVERY == 0:
                    channel.basic_ack(method.delivery_tag, multiple=True)
            elif not load.is_running():
                break
        if arrivals:
            channel.basic_ack(0, multiple=True)
        channel.cancel()
    load.wait()
    return arrivals


def start_load(postgres, database, rate, seconds, directory):
    pgbench = Path(need_env("WB_BENCH_PG_BIN")) / "pgbench"
    return Child([pgbench, "-n", "-M", "prepared", "-f", SCRIPT, "-c", CLIENTS, "-R", rate, "-T", seconds,
                  "-D", "n=0", "-l", f"--log-prefix={directory}/log"],
                 postgres.environment(database), RUN / "log" / "bench-pgbench.log")


def commits(directory):
    """{(client, n): wall clock when COMMIT returned}"""
    found = {}
    for log in Path(directory).iterdir():
        for line in log.read_text().splitlines():
            client, n, _, _, epoch, us, *_ = line.split()
            found[int(client), int(n)] = int(epoch) + int(us) / 1e6
    return found


def waits(committed, arrivals):
    """ms from each commit to its first arrival"""
    first = {}
    for at, body in arrivals:
        data = json.loads(body)["data"]
        first.setdefault((data["client"], data["n"]), at)
    if missing := committed.keys() - first.keys():
        raise Failed(f"{len(missing)} of {len(committed)} events did not arrive")
    return [(first[key] - at) * 1000 for key, at in committed.items()]


def run_load(outbox, broker, rate, seconds):
    """(commits, arrivals)"""
    with tempfile.TemporaryDirectory() as directory:
        load = start_load(outbox.postgres, outbox.name, rate, seconds, directory)
        arrivals = consume(broker, load)
        return commits(directory), arrivals


def p50_p99(waited):
    return quantile(waited, 0.5), quantile(waited, 0.99)


def publish(outbox, broker, rate, seconds):
    """p50, p99 in ms from the publishing to the consumer, while as many transactions
    commit events that nobody relays."""
    broker.purge()
    with tempfile.TemporaryDirectory() as directory:
        # Longer than the publisher, which takes a moment to begin.
        beside = start_load(outbox.postgres, outbox.name, rate, 2 * WARM_UP_S + seconds, directory)
        time.sleep(WARM_UP_S)
        load = Child([sys.executable, "-B", PUBLISHER, rate, seconds], {},
                     RUN / "log" / "bench-publisher.log")
        arrivals = consume(broker, load)
        beside.wait()
    return p50_p99([(at - float(body)) * 1000 for at, body in arrivals])


def measure(postgres, broker, rate, seconds):
    outbox = Outbox(postgres, "bench_latency")
    broker.purge()
    relay = Relay(outbox, broker)
    relay.await_ready()
    run_load(outbox, broker, rate, WARM_UP_S)
    postgres.checkpoint()
    before = buckets(relay)
    committed, arrivals = run_load(outbox, broker, rate, seconds)
    after = buckets(relay)
    relay.stop()
    published = publish(outbox, broker, rate, seconds // 2)
    outbox.drop()
    return Latency(
        offered=len(committed) / seconds,
        consumer=p50_p99(waits(committed, arrivals)),
        confirm=tuple(1000 * histogram_quantile(before, after, q) for q in (0.5, 0.99)),
        broker=published)
