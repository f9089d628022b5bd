#!/usr/bin/python3
"""The state machines of the four services against any order of events: cancelled at
any point, everything late, repeated or lost, calls of the provider that nobody knows
the outcome of.

Straight on the SQL functions of the schema, without the processes, so that thousands
of orders take seconds. Reads WB_TEST_PG_DSN (a superuser's). WB_TEST_SEED repeats a run,
WB_TEST_SECONDS is how long it goes on."""
import collections
import os
import random
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / folder) for folder in ("support", "contracts")]
import events as contract  # noqa: E402
import saga_model  # noqa: E402
from saga_model import SERVICES, TABLES, Saga, line, order_snapshot  # noqa: E402
from stack import need_env  # noqa: E402

SECONDS = float(os.environ.get("WB_TEST_SECONDS", "15"))
SEED = int(os.environ.get("WB_TEST_SEED") or random.randrange(1 << 30))
ORDERS = 150  # of one world
ENDED_PAYMENTS = (None, "DECLINED", "VOIDED", "REFUNDED")
# (order, payment, shipment, reservation): each of these must have come about.
WAYS = {
    ("CONFIRMED", "CAPTURED", "CREATED", "SHIPPED"),
    ("REJECTED", None, None, "REJECTED"),
    ("REJECTED", "VOIDED", "VOIDED", "REJECTED"),
    ("CANCELLED", "DECLINED", None, "RELEASED"),
    ("CANCELLED", "DECLINED", "VOIDED", "RELEASED"),
    ("CANCELLED", "REFUNDED", "FAILED", "RELEASED"),
    ("CANCELLED", "REFUNDED", "VOIDED", "RELEASED"),
    ("CANCELLED", "VOIDED", "VOIDED", "RELEASED"),
}


class World:
    """Orders that go their way by random steps until nothing is left to do."""

    def __init__(self, connections, rng):
        self.rng, self.saga = rng, Saga(connections)
        saga_model.IDS.seed(rng.random())
        self.dead = []            # messages that were lost, for now
        self.lost_one = set()     # orders that have lost a message: only one each
        self.uncertain = []       # calls that the provider has answered: (call, outcome)
        self.is_late_sku_known = False
        self._stock({"PLENTY": 10000, "SCARCE": ORDERS // 8})
        self.saga.place([self._order() for _ in range(ORDERS)], lambda _: rng.random() < 0.1)
        self.to_cancel = [i for i in self.saga.orders if rng.random() < 0.5]

    def _stock(self, quantities):
        with self.saga.connections["inventory"] as connection, connection.cursor() as cursor:
            saga_model.receive(cursor, quantities)

    def _order(self):
        lines = self.rng.choice(([line("PLENTY")], [line("PLENTY", 3), line("SCARCE")], [line("SCARCE", 2)],
                                 [line("PLENTY"), line("LATE")], [line("PLENTY"), line("PLENTY", 2)]))
        return order_snapshot(lines, self.rng.choice(("pm_ok", "pm_ok", "pm_declined")),
                              self.rng.choice(("GB", "GB", "GB", "ZZ")))

    # ---- steps

    def _take(self):
        """A batch of one service out of what is pending, in any order."""
        rng, pending = self.rng, self.saga.pending
        service = rng.choice(pending).service
        size = rng.choice((1, 3, 20, 100))
        rng.shuffle(pending)
        batch = {}
        for message in pending:
            if message.service == service and len(batch) < size:
                batch.setdefault(message.order_id, message)
        taken = {id(m) for m in batch.values()}
        self.saga.pending = [m for m in pending if id(m) not in taken]
        return list(batch.values())

    def deliver(self, may_lose):
        rng, batch = self.rng, self._take()
        if may_lose:
            lost = [m for m in batch if m.order_id not in self.lost_one and rng.random() < 0.02]
            self.lost_one |= {m.order_id for m in lost}
            self.dead += lost
            batch = [m for m in batch if m not in lost]
        if not batch:
            return
        crash = rng.choice(("no", "no", "no", "no", "before commit", "before ack"))
        self.saga.pending += self.saga.deliver(batch, crash == "before commit")
        if crash == "before ack":
            self.saga.pending += batch
        for message in batch:  # the sender was asked again, and repeats its answer
            if rng.random() < 0.1:
                self.saga.pending.append(message.as_new())

    def charge(self):
        """One step of the charger, or of several that fight for the same wishes."""
        rng, saga = self.rng, self.saga
        if rng.random() < 0.4:
            saga.claim(rng.choice((1, 5, 40)))
        rng.shuffle(saga.calls)
        for _ in range(min(len(saga.calls), rng.choice((1, 10, 50)))):
            claimed = saga.calls.pop()
            fate = rng.random()
            if fate < 0.1:
                continue  # died before the call
            if fate < 0.2:  # no connection, nothing was called
                self.uncertain.append((claimed, "UNKNOWN"))
                continue
            outcome = saga.execute(claimed)
            if fate > 0.3:  # else died, or no answer: the provider knows, we don't
                self.uncertain.append((claimed, outcome if fate > 0.4 else "UNKNOWN"))
        rng.shuffle(self.uncertain)
        n = rng.randrange(len(self.uncertain) + 1)
        settled, self.uncertain = self.uncertain[:n], self.uncertain[n:]
        if settled:
            saga.settle({claimed[0]: outcome for claimed, outcome in settled})

    def _is_charging(self):
        return self.saga.rows("payments", "SELECT count(*) FROM payments WHERE status IN"
                              " ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')")[0][0] > 0

    def run(self, may_lose):
        """Until nothing moves any more."""
        rng, steps = self.rng, 0
        while self.saga.pending or self.to_cancel or self._is_charging():
            steps += 1
            assert steps < 20000, "the saga does not come to rest"
            if steps == 150 and not self.is_late_sku_known:
                self.is_late_sku_known = True
                self._stock({"LATE": ORDERS // 3})
            choice = rng.random()
            if self.saga.pending and choice < 0.7:
                self.deliver(may_lose and steps < 1000)
            elif choice < 0.85:
                self.charge()
            elif self.to_cancel and choice < 0.98:
                self.saga.cancel(self.to_cancel.pop())
            else:
                self.saga.sweep(rng.choice((1, 20)), rng.choice((0, 3600000)))

    def end(self):
        """What was lost heals by the sweeper; then the dead letters are replayed."""
        self.run(True)
        for _ in range(3):
            self.saga.rows("orders", "UPDATE orders SET deadline_at = now() WHERE status = 'PENDING'")
            if self.saga.sweep(ORDERS, 0) == 0:
                break
            self.run(False)
        stranded = self.saga.rows("orders", "SELECT count(*) FROM orders WHERE status = 'PENDING'")[0][0]
        assert stranded == 0, f"{stranded} orders are stranded"
        self.saga.pending += self.dead
        self.run(False)
        return self.find_faults()

    # ---- what must hold then

    def find_faults(self):
        saga, found = self.saga, []
        state = {service: dict(saga.rows(service, f"SELECT order_id, status FROM {TABLES[service]}"))
                 for service in SERVICES}
        self.ways = collections.Counter()
        for order_id in saga.orders:
            way = order, payment, shipment, reservation = tuple(
                state[s].get(order_id) for s in ("orders", "payments", "shipping", "inventory"))
            self.ways[way] += 1
            is_paid = saga.provider.charges.get(order_id) == "CAPTURED" and order_id not in saga.provider.refunds
            if order == "CONFIRMED":
                ok = way == ("CONFIRMED", "CAPTURED", "CREATED", "SHIPPED") and is_paid
            else:
                ok = (payment in ENDED_PAYMENTS and shipment != "CREATED" and not is_paid
                      and reservation == {"REJECTED": "REJECTED", "CANCELLED": "RELEASED"}.get(order))
            if not ok:
                found.append(f"order {order_id}: {way}, paid {is_paid}")
        found += [f"conflict {c}" for c in saga.conflicts]
        return found + self._stock_faults() + self._outbox_faults(state["orders"])

    def _stock_faults(self):
        return [f"stock {row}" for row in self.saga.rows("inventory", """
            SELECT s.*, h.held, h.sent FROM stock s LEFT JOIN (
              SELECT l.sku, sum(l.quantity) FILTER (WHERE v.status = 'RESERVED') AS held,
                     sum(l.quantity) FILTER (WHERE v.status = 'SHIPPED') AS sent
              FROM reservations v, unnest(v.skus, v.quantities) AS l (sku, quantity) GROUP BY l.sku) h USING (sku)
            WHERE s.reserved <> 0 OR s.received <> s.on_hand + s.shipped OR s.shipped <> coalesce(h.sent, 0)""")]

    def _outbox_faults(self, statuses):
        found = []
        for service in SERVICES:
            found += [f"{service}: sequences of {row}" for row in self.saga.rows(service, """
                SELECT aggregate_id, sequence, place FROM (
                  SELECT *, row_number() OVER (PARTITION BY aggregate_id ORDER BY seq) AS place
                  FROM outbox_events) e WHERE sequence <> place""")]
        ends = collections.defaultdict(list)
        for order_id, event_type in self.saga.rows("orders", """
                SELECT aggregate_id, event_type FROM outbox_events
                WHERE event_type IN ('order.confirmed.v1', 'order.rejected.v1', 'order.cancelled.v1')"""):
            ends[order_id].append(event_type)
        found += [f"order {i} {s} said {ends[i]}" for i, s in statuses.items()
                  if ends[i] != [f"order.{s.lower()}.v1"]]
        return found


class Interleavings(unittest.TestCase):
    def test_any_order_of_events(self):
        connections = {service: saga_model.connect(service) for service in SERVICES}
        ways, samples, until, n = collections.Counter(), {}, time.monotonic() + SECONDS, 0
        while n == 0 or time.monotonic() < until:
            with self.subTest(world=n, seed=SEED):
                world = World(connections, random.Random(f"{SEED}-{n}"))
                self.assertEqual(world.end()[:10], [])
                ways += world.ways
                samples.update(world.saga.samples)
            n += 1
        for connection in connections.values():
            connection.close()
        print(f"seed {SEED}: {n} worlds, {n * ORDERS} orders, {len(ways)} ways", flush=True)
        self.assertEqual(WAYS - set(ways), set(), "never came about")
        self._check_contracts(samples)

    def _check_contracts(self, samples):
        """Also the events of the rare ways are what their schemas say."""
        validators = contract.make_validators(contract.read_schemas())
        self.assertEqual(set(samples), {t for t, about in contract.read_catalogue().items() if about == "order"})
        emitter = {"order": "orders", "stock": "inventory", "payment": "payments", "shipment": "shipping"}
        found = []
        for event_type, events in samples.items():
            for sequence, data in events:
                order_id = data["order"]["order_id"]
                envelope = {
                    "specversion": "1.0", "id": "0190a5d0-ac96-774b-8cce-b302099a8057", "type": event_type,
                    "source": "/" + emitter[event_type.split(".")[0]], "subject": order_id,
                    "time": "2026-01-01T00:00:00.000000Z", "datacontenttype": "application/json",
                    "dataschema": f"{contract.BASE}{event_type}.json", "sequence": f"{sequence:020}",
                    "correlationid": order_id, "data": data}
                found += [f"{event_type}: {fault}" for fault in
                          contract.faults_of(validators[event_type], "order", envelope)]
        self.assertEqual(found[:10], [])


if __name__ == "__main__":
    need_env("WB_TEST_PG_DSN")
    saga_model.create_databases()
    try:
        unittest.main(verbosity=2)
    finally:
        saga_model.drop_databases()
