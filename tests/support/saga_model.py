"""The saga without its processes: the SQL functions of the four services, called
as the engine and the charger call them, and between them a list of messages that
a test may deliver in any order, twice, or not at all."""
import json
import os
import random
import sys
import uuid
from pathlib import Path

import psycopg2
from psycopg2.extras import execute_values

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("orders", "inventory", "payments", "shipping")
NOT_YET, CONFLICT = "NOT_YET", "CONFLICT"
TABLES = {"orders": "orders", "inventory": "reservations", "payments": "payments", "shipping": "shipments",
          "notifications": "mails"}
IDS = random.Random()  # seeded by who wants a run to be repeatable

# service: {event type: (move, {outcome: event type, None or NOT_YET})};
# any other outcome is a conflict.
RELEASE = ("RELEASE", {"RELEASED": "stock.released.v1", "REJECTED": "stock.rejected.v1"})
PAYMENT = {"CAPTURED": "payment.captured.v1", "DECLINED": "payment.declined.v1", "VOIDED": "payment.voided.v1",
           "REFUNDED": "payment.refunded.v1", "REQUESTED": None, "ATTEMPTING": None, "VOIDING": None,
           "REFUNDING": None}
END = {"CONFIRMED": "order.confirmed.v1", "REJECTED": "order.rejected.v1", "CANCELLED": "order.cancelled.v1",
       "UNCHANGED": None, "MISSING": NOT_YET}
HANDLERS = {
    "inventory": {
        "order.placed.v1": ("RESERVE", {"RESERVED": "stock.reserved.v1", "REJECTED": "stock.rejected.v1",
                                        "RELEASED": "stock.released.v1", "UNKNOWN_SKU": NOT_YET}),
        "payment.declined.v1": RELEASE, "payment.refunded.v1": RELEASE, "payment.voided.v1": RELEASE,
        "shipment.created.v1": ("SHIP", {"SHIPPED": None, "MISSING": NOT_YET})},
    "payments": {
        "stock.reserved.v1": ("REQUEST", PAYMENT),
        "shipment.failed.v1": ("VOID", PAYMENT), "shipment.voided.v1": ("VOID", PAYMENT)},
    "shipping": {
        "payment.captured.v1": ("CREATE", {"CREATED": "shipment.created.v1", "FAILED": "shipment.failed.v1",
                                                    "VOIDED": "shipment.voided.v1"}),
        "order.cancel_requested.v1": ("VOID", {"VOIDED": "shipment.voided.v1", "FAILED": "shipment.voided.v1",
                                                        "CREATED": "shipment.void_refused.v1"})},
    "orders": {
        "shipment.created.v1": ("CONFIRMED", END), "shipment.void_refused.v1": ("REFUSED", END),
        "stock.rejected.v1": ("REJECTED", END), "stock.released.v1": ("CANCELLED", END)},
}


def _inventory_columns(message, move):
    detail = {"RESERVE": message.order["lines"], "RELEASE": message.data.get("cause"), "SHIP": None}[move]
    return [_json(detail)]


def _payments_columns(message, move):
    if move == "VOID":
        return [None, None, None, None, _json(message.data["cause"]), ""]
    order = message.order
    return [order["total_minor"], order["currency"], order["payment_method"], _json(order), None, ""]


def _shipping_columns(message, move):
    if move == "VOID":
        return [None, _json(message.data["cause"])]
    return [message.order["ship_to"]["country"], None]


def _orders_columns(message, _):
    member = "shipment" if "shipment" in message.data else "cause"
    return [_json({member: message.data[member]})]


def _json(value):
    return None if value is None else json.dumps(value)


# service: (its one statement, columns of a message behind its id, order and move).
CALLS = {
    "inventory": ("move_stock(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::json[])", _inventory_columns),
    "payments": ("move_payment(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::text[],"
                 " %s::text[], %s::json[], %s::json[], %s::text[])", _payments_columns),
    "shipping": ("move_shipment(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::json[])",
                 _shipping_columns),
    "orders": ("end_orders(%s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::json[])", _orders_columns),
}


def new_id():
    return str(uuid.UUID(int=IDS.getrandbits(128), version=4))


class Message:
    """An event on its way to one service."""

    def __init__(self, service, event_type, data, event_id=None):
        self.service, self.type, self.data = service, event_type, data
        self.id = event_id or new_id()
        self.order = data["order"]
        self.order_id = self.order["order_id"]

    def as_new(self):
        """The sender repeats its answer: another event of the same content."""
        return Message(self.service, self.type, self.data)


def line(sku, quantity=1):
    return {"sku": sku, "name": sku, "quantity": quantity, "unit_price_minor": 100}


def order_snapshot(lines, method="pm_ok", country="GB"):
    return {"order_id": new_id(), "customer_id": new_id(), "currency": "EUR",
            "total_minor": sum(line["quantity"] * line["unit_price_minor"] for line in lines),
            "payment_method": method, "lines": lines, "placed_at": "2026-01-01T00:00:00.000000Z",
            "ship_to": {"name": "A", "line1": "B", "city": "C", "postal_code": "D", "country": country}}


def _database(service):
    return f"{Path(sys.argv[0]).stem}_{service}"


def _dsn(database):
    dsn = os.environ["WB_TEST_PG_DSN"]
    return psycopg2.extensions.make_dsn(dsn, dbname=database)


def _admin(statement):
    connection = psycopg2.connect(_dsn("postgres"))
    connection.autocommit = True
    connection.cursor().execute(statement)
    connection.close()


def create_databases(services=SERVICES):
    for role in (*services, "relay"):
        _admin(f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
               f" THEN CREATE ROLE {role}; END IF; END $$")
    for service in services:
        _admin(f"DROP DATABASE IF EXISTS {_database(service)} WITH (FORCE)")
        _admin(f"CREATE DATABASE {_database(service)}")
        connection = connect(service)
        for room in ("messaging", service):
            for path in sorted((ROOT / "schema" / room).glob("*.sql")):
                connection.cursor().execute(path.read_text())
        connection.commit()
        connection.close()


def drop_databases(services=SERVICES):
    for service in services:
        _admin(f"DROP DATABASE IF EXISTS {_database(service)} WITH (FORCE)")


def connect(service):
    return psycopg2.connect(_dsn(_database(service)), options="-c synchronous_commit=off -c deadlock_timeout=50ms")


def call(cursor, messages):
    """The statement of a batch of one service: [(message, outcome, sequence, beside)], sorted by order."""
    messages = sorted(messages, key=lambda m: m.order_id)
    if not messages:
        return []
    (service,) = {m.service for m in messages}
    statement, columns_of = CALLS[service]
    moves = [HANDLERS[service][m.type][0] for m in messages]
    columns = zip(*(columns_of(m, move) for m, move in zip(messages, moves)))
    cursor.execute(f"SELECT * FROM {statement}",
                   [list(range(1, len(messages) + 1)), [m.id for m in messages], [m.order_id for m in messages],
                    moves, *map(list, columns)])
    return [(messages[ord_ - 1], outcome, sequence, beside) for ord_, outcome, sequence, beside in cursor.fetchall()]


def receive(cursor, quantities):
    """{SKU: quantity} comes in, as from the catalog."""
    ids, ords = [new_id() for _ in quantities], list(range(1, len(quantities) + 1))
    cursor.execute("SELECT add_sku(%s::int[], %s::uuid[], %s::text[])", (ords, ids, list(quantities)))
    cursor.execute("SELECT receive_stock(%s::int[], %s::uuid[], %s::text[], %s::bigint[])",
                   (ords, ids, list(quantities), list(quantities.values())))


class Provider:
    """The payment provider: decides per key once, and counts what it moved."""

    def __init__(self):
        self.charges, self.refunds = {}, set()

    def charge(self, order_id, method):
        return self.charges.setdefault(order_id, "DECLINED" if method == "pm_declined" else "CAPTURED")

    def refund(self, order_id):
        assert self.charges.get(order_id) == "CAPTURED", f"refund of {order_id}, which was never charged"
        self.refunds.add(order_id)
        return "REFUNDED"


class Saga:
    def __init__(self, connections):
        self.connections = connections
        self.provider = Provider()
        self.pending = []    # messages that may be delivered
        self.conflicts = []  # deliveries that would be dead-lettered at once
        self.calls = []      # of the charger, under way
        self.samples = {}    # event type: some of its data
        self.orders = {}     # id: snapshot
        for service, connection in connections.items():
            connection.cursor().execute(f"TRUNCATE {TABLES[service]}, inbox, outbox_events")
            if service == "inventory":
                connection.cursor().execute("TRUNCATE stock, stock_receipts")
            connection.commit()

    def rows(self, service, query, args=None):
        with self.connections[service] as connection, connection.cursor() as cursor:
            cursor.execute(query, args)
            return cursor.fetchall() if cursor.description else []

    # ---- events

    def _emit(self, cursor, events):
        """[(type, sequence, data)] into the outbox, where its sequence must be new, and to
        the services that handle them, once the transaction has committed."""
        if events:
            execute_values(
                cursor, "INSERT INTO outbox_events (aggregate_type, aggregate_id, sequence, event_type, payload)"
                " VALUES %s",
                [("order", data["order"]["order_id"], sequence, event_type, json.dumps(data))
                 for event_type, sequence, data in events], page_size=len(events))
        for event_type, sequence, data in events:
            sample = self.samples.setdefault(event_type, [])
            if len(sample) < 20:
                sample.append((sequence, data))

    def _send(self, events):
        for event_type, _, data in events:
            event_id = new_id()
            self.pending += [Message(service, event_type, data, event_id)
                             for service, handlers in HANDLERS.items() if event_type in handlers]

    def deliver(self, messages, is_rolled_back=False):
        """A batch of one service, at most one message per order, handled as the engine
        does. Returns those that have to be tried again."""
        connection = self.connections[messages[0].service]
        retries, events, failed = [], [], []
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO inbox (consumer, event_id) SELECT 'test', id FROM unnest(%s::uuid[]) AS t (id)"
                           " ORDER BY id ON CONFLICT DO NOTHING RETURNING event_id", ([m.id for m in messages],))
            fresh = {event_id for (event_id,) in cursor.fetchall()}
            fresh = [m for m in messages if m.id in fresh]
            answers = call(cursor, fresh)
            assert len(answers) == len(fresh), f"{len(fresh)} messages, {len(answers)} answers"
            for message, outcome, sequence, beside in answers:
                event = HANDLERS[message.service][message.type][1].get(outcome, CONFLICT)
                if event in (NOT_YET, CONFLICT):
                    failed.append(message.id)
                    if event == NOT_YET:
                        retries.append(message)
                    elif not is_rolled_back:
                        self.conflicts.append((message.type, message.order_id, outcome))
                elif event:
                    events.append((event, sequence, {"order": message.order, **(beside or {})}))
            cursor.execute("DELETE FROM inbox WHERE event_id = ANY (%s::uuid[])", (failed,))
            self._emit(cursor, events)
        if is_rolled_back:
            connection.rollback()
            return list(messages)
        connection.commit()
        self._send(events)
        return retries

    # ---- what people and clocks do

    def place(self, snapshots, is_overdue):
        with self.connections["orders"] as connection, connection.cursor() as cursor:
            for order in snapshots:
                cursor.execute(
                    "INSERT INTO orders (order_id, customer_id, currency, total_minor, snapshot, placed_at,"
                    " deadline_at) VALUES (%s, %s, %s, %s, %s, now(), now() + %s * interval '1 hour')",
                    (order["order_id"], order["customer_id"], order["currency"], order["total_minor"],
                     json.dumps(order), 0 if is_overdue(order) else 1))
                self.orders[order["order_id"]] = order
            events = [("order.placed.v1", 1, {"order": order}) for order in snapshots]
            self._emit(cursor, events)
        self._send(events)

    def _request(self, query, args, code, read):
        cause = {"code": code, "step": "orders", "detail": ""}
        with self.connections["orders"] as connection, connection.cursor() as cursor:
            cursor.execute(query, args)
            events = [("order.cancel_requested.v1", sequence, {"order": snapshot, "cause": cause})
                      for sequence, snapshot in filter(None, map(read, cursor.fetchall()))]
            self._emit(cursor, events)
        self._send(events)
        return len(events)

    def cancel(self, order_id):
        return self._request("SELECT * FROM request_cancel(%s)", (order_id,), "CUSTOMER_REQUEST",
                             lambda row: row[1:] if row[0] == "REQUESTED" else None)

    def sweep(self, max_orders, repeat_ms):
        return self._request("SELECT * FROM sweep_orders(%s, %s)", (max_orders, repeat_ms), "TIMEOUT",
                             lambda row: row[1:])

    # ---- the charger, with leases that have always run out

    def claim(self, max_calls):
        claimed = self.rows("payments", "SELECT order_id, status, method FROM claim_payments(%s, 0)", (max_calls,))
        self.calls += claimed
        return len(claimed)

    def execute(self, claimed):
        order_id, status, method = claimed
        return self.provider.refund(order_id) if status == "REFUNDING" else self.provider.charge(order_id, method)

    def settle(self, outcomes):
        """{order id: outcome}"""
        types = {"CAPTURED", "DECLINED", "VOIDED", "REFUNDED"}
        with self.connections["payments"] as connection, connection.cursor() as cursor:
            cursor.execute("SELECT * FROM settle_payments(%s::uuid[], %s::text[], %s::text[], %s::text[],"
                           " %s::bigint[], 5)",
                           (list(outcomes), list(outcomes.values()),
                            [f"{o}-{i}" if o != "UNKNOWN" else None for i, o in outcomes.items()],
                            ["said so"] * len(outcomes), [0] * len(outcomes)))
            events = []
            for _, status, sequence, snapshot, beside, _, _, _ in cursor.fetchall():
                assert status in types, status
                events.append((PAYMENT[status], sequence, {"order": snapshot, **beside}))
            self._emit(cursor, events)
        self._send(events)
