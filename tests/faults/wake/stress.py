#!/usr/bin/python3
"""Does a commit ever go unheard? Real relays on one database, some of them killed, frozen and
thawed at random moments, and writers whose transactions begin, wait, end and die at random
moments. The relays sleep for up to a minute. A wake-up is lost when a row could be published
and every running relay has gone to sleep (see relays.have_overslept).

Only a relay that runs alone is put to the test by each commit: of several, one sleeps behind
the gate, and the others poll because it is taken. So in each round all run together for a
while; then all but one are frozen or killed, wherever they are, and that one goes on alone.

usage: stress.py RELAY SCHEMA [--sleeps N] [--databases N] [--seed N]
RELAY is the binary, SCHEMA the folder of its migrations. Several databases at once only save
time. The environment may set both numbers, too:
    WB_WAKE_SLEEPS=30000 WB_WAKE_SEED=7 ./dev test faults -R wake.stress
Needs WB_TEST_PG_DSN, WB_TEST_AMQP_URL and WB_TEST_RUN."""
import argparse
import atexit
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
if not all(os.environ.get(v) for v in ("WB_TEST_PG_DSN", "WB_TEST_AMQP_URL", "WB_TEST_RUN")):
    print("skipped: needs WB_TEST_PG_DSN, WB_TEST_AMQP_URL and WB_TEST_RUN")
    raise SystemExit(77)

from outbox import Outbox  # noqa: E402
from relays import WakeRelay, have_overslept, process_state  # noqa: E402
from stack import eventually  # noqa: E402
from writers import Writer, draw_transaction  # noqa: E402

RELAYS = 3
WRITERS = 4
GROUPS_ALONE = 30  # of transactions, in one round
PATIENCE_S = 120   # with relays that are slow
# For the frozen sleeper: the server ends its session when it has been idle for
# twice as long, at the next moment it has the processor.
SHORT_SLEEP_MS = 250


class Lost(Exception):
    pass


class Stress:
    def __init__(self, relay, schema, name, rng, proof_s):
        """proof_s: how long relays must have done nothing to be found asleep."""
        self.binary, self.rng, self.proof_s = relay, rng, proof_s
        self.logs = Path(os.environ["WB_TEST_RUN"]) / "log" / f"wake-{name}"
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.iterdir():
            old.unlink()
        self.outbox = Outbox(schema, f"wake_{name}_{os.getpid()}")
        self.writers = [Writer(self.outbox, f"w{i}") for i in range(WRITERS)]
        self.relays = []
        self.n_started = 0
        self.past = Counter()  # of relays that are no more
        self.alone = 0         # sleeps
        atexit.register(self.kill_all)

    # ---- relays

    def start(self, name, *more):
        self.n_started += 1
        log = self.logs / f"{self.n_started}-{name}.log"
        self.relays.append(WakeRelay(self.binary, self.outbox, name, log, more))
        return self.relays[-1]

    def kill(self, relay):
        self.past.update(relay.count())
        relay.kill()
        self.relays.remove(relay)

    def kill_all(self):
        for relay in list(self.relays):
            self.kill(relay)

    def thaw_all(self):
        for relay in self.relays:
            if relay.is_frozen:
                relay.thaw()

    def revive(self):
        """All run, or are about to."""
        self.thaw_all()
        for name in sorted({f"r{i}" for i in range(RELAYS)} - {r.name for r in self.relays}):
            self.start(name)

    def end(self):
        self.kill_all()
        for writer in self.writers:
            writer.stop()

    def counts(self):
        total = Counter(self.past)
        for relay in self.relays:
            total.update(relay.count())
        return total

    # ---- the load

    def group(self, actions=(), at_last=()):
        """Some transactions and these actions in a random order, then quiet until everything is
        published. Of relays that are asleep, the last commit must wake one."""
        ended = []
        jobs = [self.write(ended)] * self.rng.randint(1, 3) + list(actions)
        self.rng.shuffle(jobs)
        for job in jobs + list(at_last):
            time.sleep(self.rng.uniform(0, 0.004))
            job()
        for future in ended:
            future.result(60)
        self.await_published()

    def write(self, ended):
        return lambda: ended.append(
            self.rng.choice(self.writers).start(draw_transaction(self.rng)))

    def await_published(self):
        began = time.monotonic()
        while True:
            left, due = self.outbox.left()
            if left == 0:
                return
            if due > 0 and time.monotonic() - began > 0.2:
                self.check_none_died()
                if have_overslept(self.outbox, self.relays, self.proof_s):
                    raise Lost(f"{due} rows wait, and all relays sleep")
            if time.monotonic() - began > PATIENCE_S:
                raise AssertionError(f"{left} rows are still not published, and relays are awake")
            time.sleep(0.002)

    def check_none_died(self):
        for relay in self.relays:
            if relay.child.poll() is not None:
                raise AssertionError(f"a relay left with {relay.child.returncode}: "
                                     f"{relay.log()[-3000:]}")

    # ---- what happens to relays

    def stumble(self, relay):
        """It stops in the middle of something; a whole transaction finds room there."""
        def action():
            relay.freeze()
            self.rng.choice(self.writers).start(draw_transaction(self.rng)).result(60)
            relay.thaw()
        return action

    def interrupt(self, relay):
        """Frozen or killed: as the sleeper, or often with rows in its hands. Those will have to
        be published by another one, which must not go to sleep before."""
        def action():
            if self.rng.random() < 0.5:
                self.rng.choice(self.writers).start([("events", 100, 0), "commit"]).result(60)
            time.sleep(self.rng.uniform(0, 0.006))
            if self.rng.random() < 0.7:
                relay.freeze()
            else:
                self.kill(relay)
        return action

    def free_the_gate(self, alone):
        """While a frozen relay holds the gate, the other one polls."""
        holder = self.outbox.gate()
        if holder is None or holder[1] == alone.name:
            return
        relay = next(r for r in self.relays if r.name == holder[1])
        self.group()
        relay.thaw()
        self.group()
        self.kill(relay)

    def round(self):
        self.revive()
        for _ in range(self.rng.randint(1, 4)):
            self.group()
        alone = self.rng.choice(self.relays)
        alone.await_ready(seconds=PATIENCE_S)
        self.counts()  # while all can tell
        self.group([self.interrupt(r) for r in self.relays if r is not alone])
        self.free_the_gate(alone)
        before = alone.count()["sleeps"]
        for _ in range(GROUPS_ALONE):
            self.group(at_last=[self.stumble(alone)] * self.rng.randint(0, 1))
        self.alone += alone.count()["sleeps"] - before

    def frozen_sleeper(self):
        """Of two relays the one that holds the gate is frozen: the other one publishes what
        comes, and has the gate once the frozen one's session has been idle for too long."""
        self.kill_all()
        for name in ("r0", "r1"):
            self.start(name, f"--max-sleep-ms={SHORT_SLEEP_MS}")
        for relay in self.relays:
            relay.await_ready(seconds=PATIENCE_S)
        session = eventually(self.freeze_holder, PATIENCE_S, "a relay holds the gate")
        self.group()
        while (holder := self.outbox.gate()) is not None and holder[0] == session:
            if holder[2] > 10 * SHORT_SLEEP_MS and process_state(session) == "S":
                raise Lost("a frozen relay keeps the gate")
            time.sleep(0.01)
        self.group()
        self.thaw_all()
        self.group()
        self.kill_all()

    def freeze_holder(self):
        """Its session, if it was still the holder."""
        holder = self.outbox.gate()
        if holder is None:
            return None
        relay = next(r for r in self.relays if r.name == holder[1])
        relay.freeze()
        eventually(lambda: process_state(holder[0]) in "S-", PATIENCE_S, "what it had sent is done")
        if (self.outbox.gate() or [None])[0] == holder[0]:
            return holder[0]
        relay.thaw()
        return None


def run(stress, sleeps, seconds):
    """Until one is lost or so many have gone well, or the time is up. Why one was lost, or None."""
    deadline = time.monotonic() + seconds
    try:
        stress.round()
        stress.frozen_sleeper()
        while stress.counts()["sleeps"] < sleeps and time.monotonic() < deadline:
            stress.round()
        return None
    except Lost as why:
        return why
    finally:
        stress.end()


def default_seed():
    return os.environ.get("WB_WAKE_SEED", random.SystemRandom().randrange(1 << 32))


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("relay")
    parser.add_argument("schema")
    parser.add_argument("--sleeps", type=int, default=os.environ.get("WB_WAKE_SLEEPS", 3000))
    parser.add_argument("--databases", type=int, default=4)
    parser.add_argument("--seed", type=int, default=default_seed())
    return parser.parse_args()


def main():
    args = parse_args()
    print(f"--seed={args.seed}", flush=True)
    began = time.monotonic()
    databases = [Stress(args.relay, args.schema, f"shipped_{i}", random.Random(f"{args.seed} {i}"),
                        proof_s=5)
                 for i in range(args.databases)]
    with ThreadPoolExecutor(args.databases) as threads:
        share = args.sleeps / args.databases
        lost = [why for why in threads.map(lambda s: run(s, share, 3600), databases) if why]
    counts = sum((s.counts() for s in databases), Counter())
    parked = sum(s.outbox.parked() for s in databases)
    print(f"{counts['sleeps']} sleeps ({sum(s.alone for s in databases)} of a relay alone), ended "
          f"by notify {counts['notify']}, due {counts['due']}, timer {counts['timer']}; "
          f"{sum(s.n_started for s in databases)} relays, {time.monotonic() - began:.1f} s")
    print(f"{len(lost)} lost" + "".join(f"\n{why}" for why in lost))
    if parked:
        print(f"parked: {parked}")
    return int(bool(lost) or parked > 0)


if __name__ == "__main__":
    raise SystemExit(main())
