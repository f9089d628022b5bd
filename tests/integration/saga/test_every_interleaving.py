#!/usr/bin/python3
"""Every interleaving of one order's events, duplicates included, with the customer's
cancellation and the sweeper's at every point, with chargers that die at every step, and
with any one message lost for good.

A service's answer depends on its own row and on the event alone. So each (row, event)
that comes about is put before the real SQL function once, and its answer remembered; of
what they lead to together every state is visited. (That two transactions on one row have
the outcome of one after the other is the business of test_two_processes.py.)

Reads WB_TEST_PG_DSN (a superuser's)."""
import collections
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import saga_model  # noqa: E402
from saga_model import HANDLERS, PAYMENT, Message, line, new_id, order_snapshot  # noqa: E402
from stack import need_env  # noqa: E402

SERVICES = ("orders", "payments", "shipping", "inventory")
TABLES = {"orders": ("orders",), "payments": ("payments",), "shipping": ("shipments",),
          "inventory": ("stock", "reservations")}
WISHES = ("REQUESTED", "ATTEMPTING", "VOIDING", "REFUNDING")
CHARGERS = 2
MAX_REFUSALS = 2
# How the order is, and how the provider answers.
VARIANTS = {
    "confirmed": ({}, "CAPTURED"), "declined": ({}, "DECLINED"), "refused": ({}, "REFUSED"),
    "undeliverable": ({"country": "ZZ"}, "CAPTURED"), "out of stock": ({"stock": 0}, "CAPTURED"),
}
# Of the four rows: what comes about without a loss, and nothing else may.
ENDS = {
    "confirmed": {"CONFIRMED CAPTURED CREATED SHIPPED", "CANCELLED VOIDED VOIDED RELEASED",
                  "CANCELLED REFUNDED VOIDED RELEASED"},
    "declined": {"CANCELLED DECLINED - RELEASED", "CANCELLED DECLINED VOIDED RELEASED",
                 "CANCELLED VOIDED VOIDED RELEASED"},
    "undeliverable": {"CANCELLED REFUNDED FAILED RELEASED", "CANCELLED REFUNDED VOIDED RELEASED",
                      "CANCELLED VOIDED VOIDED RELEASED"},
    "out of stock": {"REJECTED - - REJECTED", "REJECTED VOIDED VOIDED REJECTED",
                     "CANCELLED VOIDED VOIDED RELEASED"},
}
ENDS["refused"] = ENDS["declined"]

# rows: the id of each service's rows, in the order of SERVICES. emitted, handled: bit sets
# of messages. calls: of chargers under way, (kind, outcome or None). charge, is_refunded:
# the provider's own books. lost: the message that was lost, or None.
State = collections.namedtuple("State", "rows emitted handled calls charge is_refunded lost")


class Services:
    """The four services for one order: rows and answers of the SQL functions."""

    def __init__(self, connections, snapshot, stock):
        self.connections, self.snapshot, self.order_id = connections, snapshot, snapshot["order_id"]
        self.rows, self.ids = {s: [] for s in SERVICES}, {s: {} for s in SERVICES}
        self.messages, self.bits, self.answers = [], {}, {}
        with connections["orders"].cursor() as cursor:
            cursor.execute(
                "INSERT INTO orders (order_id, customer_id, currency, total_minor, snapshot, placed_at, deadline_at)"
                " VALUES (%s, %s, 'EUR', %s, %s, now(), now())",
                (self.order_id, snapshot["customer_id"], snapshot["total_minor"], json.dumps(snapshot)))
            orders = self._read("orders", cursor)
        with connections["inventory"].cursor() as cursor:
            saga_model.receive(cursor, {"SKU": 9, **({"SCARCE": stock} if stock else {})})
            if not stock:
                cursor.execute("INSERT INTO stock (sku) VALUES ('SCARCE')")
            inventory = self._read("inventory", cursor)
        for connection in connections.values():
            connection.rollback()
        self.first_rows = (orders, self._id("payments", ((),)), self._id("shipping", ((),)), inventory)

    # ---- rows: one id for all that differ in times, ids and sequences only

    def _read(self, service, cursor):
        rows = []
        for table in TABLES[service]:
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t ORDER BY 1")
            rows.append(tuple(text for (text,) in cursor.fetchall()))
        return self._id(service, tuple(rows))

    def _id(self, service, rows):
        ids, key = self.ids[service], json.dumps([[self._essence(json.loads(r)) for r in table] for table in rows])
        if key not in ids:
            ids[key] = len(ids)
            self.rows[service].append(rows)
        return ids[key]

    @staticmethod
    def _essence(row):
        return [row.get(name) for name in ("status", "cancel_refused", "refusals", "on_hand", "reserved", "shipped")] + [
            bool(row.get("cancel_requested_at")), row.get("due_at") == "infinity", (row.get("cause") or {}).get("code")]

    def one(self, service, state):
        rows = self.rows[service][state.rows[SERVICES.index(service)]][-1]
        return json.loads(rows[0]) if rows else {"status": "-"}

    def statuses(self, state):
        return " ".join(self.one(s, state)["status"] for s in SERVICES)

    # ---- messages

    def bit(self, service, event_type, data):
        key = service, event_type, (data.get("cause") or {}).get("code")
        if key not in self.bits:
            self.bits[key] = len(self.messages)
            self.messages.append((key, data))
        return 1 << self.bits[key]

    def send(self, events):
        """[(event type, what it says beside the order)] → the messages' bits"""
        return [self.bit(service, event_type, {"order": self.snapshot, **(beside or {})})
                for event_type, beside in events for service, handlers in HANDLERS.items() if event_type in handlers]

    # ---- the SQL functions

    def ask(self, service, state, question, ask):
        """question, a key, of the service's rows: (their new id, bits of the events). ask(cursor) gives the
        events. Remembered."""
        before = state.rows[SERVICES.index(service)]
        if (service, before, question) not in self.answers:
            with self.connections[service].cursor() as cursor:
                for table, rows in zip(TABLES[service], self.rows[service][before]):
                    for row in rows:
                        cursor.execute(f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, %s)", (row,))
                events = ask(cursor)
                self.answers[service, before, question] = self._read(service, cursor), self.send(events)
            self.connections[service].rollback()
        after, bits = self.answers[service, before, question]
        rows = list(state.rows)
        rows[SERVICES.index(service)] = after
        emitted, handled = state.emitted, state.handled
        for bit in bits:
            if not emitted & bit:  # else it comes on top of one that was handled, or will be
                emitted, handled = emitted | bit, handled & ~bit
        return state._replace(rows=tuple(rows), emitted=emitted, handled=handled), bits

    def deliver(self, state, bit):
        (service, event_type, _), data = self.messages[bit.bit_length() - 1]

        def ask(cursor):
            ((_, outcome, _, beside),) = saga_model.call(cursor, [Message(service, event_type, data)])
            events = HANDLERS[service][event_type][1]
            assert outcome in events, f"{service} calls {event_type} a conflict: {outcome} ({self.statuses(state)})"
            assert events[outcome] != saga_model.NOT_YET, f"{event_type} came too early for {service}"
            return [(events[outcome], beside)] if events[outcome] else []

        after, bits = self.ask(service, state, bit, ask)
        return after._replace(handled=after.handled | bit), bits

    def request(self, state, sql, code):
        def ask(cursor):
            cursor.execute(sql, (self.order_id,) if "request_cancel" in sql else ())
            is_asked = any(row[0] in ("REQUESTED", self.order_id) for row in cursor.fetchall())
            return [("order.cancel_requested.v1", {"cause": {"code": code, "step": "orders", "detail": ""}})] * is_asked
        return self.ask("orders", state, sql, ask)

    def claim(self, state):
        def ask(cursor):
            cursor.execute("SELECT status FROM claim_payments(1, 0)")
            assert cursor.rowcount == 1
            return []
        return self.ask("payments", state, "claim", ask)[0]

    def settle(self, state, outcome):
        def ask(cursor):
            cursor.execute("SELECT status, beside FROM settle_payments(%s::uuid[], %s, %s, %s, %s::bigint[], %s)",
                           ([self.order_id], [outcome], ["ref"], ["said so"], [0], MAX_REFUSALS))
            return [(PAYMENT[status], beside) for status, beside in cursor.fetchall()]
        return self.ask("payments", state, ("settle", outcome), ask)


class Walk:
    def __init__(self, services, charge_outcome, may_lose):
        self.services, self.charge_outcome, self.may_lose = services, charge_outcome, may_lose
        placed = services.send([("order.placed.v1", {})])
        self.first = State(services.first_rows, placed[0], 0, (), None, False, None)
        self.ends, self.n_steps = collections.Counter(), 0

    # ---- what may happen next

    def steps(self, state):
        services = self.services
        for i in range(state.emitted.bit_length()):
            if state.emitted >> i & 1:  # also one that was handled before
                yield services.deliver(state, 1 << i)[0]
                if self.may_lose and state.lost is None and not state.handled >> i & 1:
                    yield state._replace(emitted=state.emitted & ~(1 << i), lost=services.messages[i][0][:2])
        if services.one("orders", state)["status"] == "PENDING":
            yield services.request(state, "SELECT * FROM request_cancel(%s)", "CUSTOMER_REQUEST")[0]
            yield services.request(state, "SELECT * FROM sweep_orders(1, 0)", "TIMEOUT")[0]
        yield from self.charger_steps(state)

    def charger_steps(self, state):
        status = self.services.one("payments", state)["status"]
        if len(state.calls) < CHARGERS and status in WISHES:
            call = ("refund" if status == "REFUNDING" else "charge", None)
            yield self.services.claim(state)._replace(calls=tuple(sorted(state.calls + (call,), key=str)))
        for i, (kind, outcome) in enumerate(state.calls):
            others = state.calls[:i] + state.calls[i + 1:]
            yield state._replace(calls=others)  # the charger died, or learnt nothing
            if outcome is None:
                after, outcome = self.provider(state, kind)
                yield after._replace(calls=tuple(sorted(others + ((kind, outcome),), key=str)))
            else:
                yield self.services.settle(state, outcome)[0]._replace(calls=others)

    def provider(self, state, kind):
        if kind == "charge":  # the same key again: the same answer
            return state._replace(charge=self.charge_outcome), self.charge_outcome
        assert state.charge == "CAPTURED", "a refund of what was never charged"
        return state._replace(is_refunded=True), "REFUNDED"

    # ---- what must hold

    def check(self, state):
        """At every moment."""
        order, payment, shipment, reservation = (self.services.one(s, state)["status"] for s in SERVICES)
        if order == "CONFIRMED":
            assert shipment == "CREATED" and payment == "CAPTURED" and not state.is_refunded, "confirmed without"
        if order in ("REJECTED", "CANCELLED"):
            assert shipment != "CREATED", f"{order} and shipped"
        assert not (shipment == "CREATED" and (state.is_refunded or payment == "REFUNDING")), "shipped for nothing"
        for row in self.services.rows["inventory"][state.rows[3]][0]:
            stock = json.loads(row)
            quantity = stock["reserved"] + stock["shipped"]
            assert bool(quantity) == (reservation in ("RESERVED", "SHIPPED")), f"stock {stock} {reservation}"

    def check_end(self, state):
        """Once nothing is on its way any more."""
        order, payment, shipment, reservation = (self.services.one(s, state)["status"] for s in SERVICES)
        is_paid = state.charge == "CAPTURED" and not state.is_refunded
        assert payment not in WISHES and is_paid == (order == "CONFIRMED"), f"paid {is_paid}"
        if order == "CONFIRMED":
            # The one loss that nothing heals, see docs/saga.md.
            is_lost = state.lost == ("inventory", "shipment.created.v1")
            assert reservation == "SHIPPED" or (is_lost and reservation == "RESERVED")
        else:
            assert order != "PENDING" and reservation not in ("RESERVED", "SHIPPED")

    def heal(self, state):
        """After a loss the sweeper asks again, and every answer is repeated and comes."""
        for _ in range(3):
            if self.services.one("orders", state)["status"] != "PENDING":
                break
            state, bits = self.services.request(state, "SELECT * FROM sweep_orders(1, 0)", "TIMEOUT")
            queue, n = collections.deque(bits), 0
            while queue:
                n += 1
                assert n < 1000, "the answers go in circles"
                state, more = self.services.deliver(state, queue.popleft())
                queue += more
                while self.services.one("payments", state)["status"] in WISHES:
                    kind = "refund" if self.services.one("payments", state)["status"] == "REFUNDING" else "charge"
                    state, outcome = self.provider(self.services.claim(state), kind)
                    state, more = self.services.settle(state, outcome)
                    queue += more
        return state

    def is_at_rest(self, state):
        return (state.emitted == state.handled & state.emitted and not state.calls
                and self.services.one("payments", state)["status"] not in WISHES)

    def run(self):
        seen, todo = {self.first}, [self.first]
        while todo:
            state = todo.pop()
            try:
                self.check(state)
                if self.is_at_rest(state):
                    end = self.heal(state) if state.lost else state
                    self.check_end(end)
                    self.ends[self.services.statuses(end)] += 1
                for after in self.steps(state):
                    self.n_steps += 1
                    if after not in seen:
                        seen.add(after)
                        todo.append(after)
            except AssertionError as error:
                handled = [m[0] for i, m in enumerate(self.services.messages) if state.handled >> i & 1]
                raise AssertionError(f"{error}: {self.services.statuses(state)}, {state}, handled {handled}") from error
        return len(seen)


class EveryInterleaving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.connections = {s: saga_model.connect(s) for s in SERVICES}

    @classmethod
    def tearDownClass(cls):
        for connection in cls.connections.values():
            connection.close()

    def walk(self, variant, may_lose):
        how, outcome = VARIANTS[variant]
        stock = how.get("stock", 5)
        snapshot = order_snapshot([line("SKU"), line("SCARCE", 2)], country=how.get("country", "GB"))
        services = Services(self.connections, snapshot, stock)
        walk = Walk(services, outcome, may_lose)
        n = walk.run()
        print(f"{variant}{', one message lost' * may_lose}: {n} states, {walk.n_steps} steps, "
              f"{len(services.answers)} answers of the database", flush=True)
        return walk

    def test_nothing_is_lost(self):
        for variant, ends in ENDS.items():
            with self.subTest(variant=variant):
                self.assertEqual(set(self.walk(variant, False).ends), ends)

    def test_any_one_message_is_lost(self):
        for variant in VARIANTS:
            with self.subTest(variant=variant):
                self.walk(variant, True)


if __name__ == "__main__":
    need_env("WB_TEST_PG_DSN")
    saga_model.create_databases()
    try:
        unittest.main(verbosity=2)
    finally:
        saga_model.drop_databases()
