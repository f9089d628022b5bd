"""The invariants of the whole system, in SQL: what every test of the saga ends
with. Each function returns the offenders; check() fails on any."""

import time

DECIDED = {"CONFIRMED", "REJECTED", "CANCELLED"}


def orders_not_ended(stack):
    return [f"order {i} is {s}" for i, s in
            stack.rows("orders", "SELECT order_id, status FROM orders WHERE status = 'PENDING'")]


def money_and_goods(stack):
    """CONFIRMED ⇔ one captured, unrefunded payment of the order's total, one
    shipment, and its stock is out; else nothing is taken, held or shipped."""
    orders = stack.rows("orders", "SELECT order_id, status, total_minor FROM orders")
    payments = {i: (s, a) for i, s, a in
                stack.rows("payments", "SELECT order_id, status, amount_minor FROM payments")}
    shipments = dict(stack.rows("shipping", "SELECT order_id, status FROM shipments"))
    reservations = dict(stack.rows("inventory", "SELECT order_id, status FROM reservations"))
    found = []
    for order_id, status, total in orders:
        payment, amount = payments.get(order_id, ("NONE", 0))
        shipment = shipments.get(order_id, "NONE")
        reservation = reservations.get(order_id, "NONE")
        if status == "CONFIRMED":
            ok = payment == "CAPTURED" and amount == total and shipment == "CREATED" and reservation == "SHIPPED"
        else:
            ok = (payment in ("NONE", "DECLINED", "VOIDED", "REFUNDED") and shipment != "CREATED"
                  and reservation in ("NONE", "REJECTED", "RELEASED"))
        if not ok:
            found.append(f"order {order_id} {status}: payment {payment} {amount} of {total}, "
                         f"shipment {shipment}, reservation {reservation}")
    return found


def stock_adds_up(stack):
    """received = on hand + reserved + shipped, and the same from the ledgers."""
    found = []
    for row in stack.rows("inventory", """
        SELECT s.sku, s.received, s.on_hand, s.reserved, s.shipped,
               coalesce(r.quantity, 0), coalesce(h.held, 0), coalesce(h.sent, 0)
        FROM stock s
        LEFT JOIN (SELECT sku, sum(quantity) AS quantity FROM stock_receipts GROUP BY sku) r USING (sku)
        LEFT JOIN (SELECT l.sku, sum(l.quantity) FILTER (WHERE v.status = 'RESERVED') AS held,
                          sum(l.quantity) FILTER (WHERE v.status = 'SHIPPED') AS sent
                   FROM reservations v, unnest(v.skus, v.quantities) AS l (sku, quantity)
                   GROUP BY l.sku) h USING (sku)"""):
        sku, received, on_hand, reserved, shipped, ledger, held, sent = row
        if (received != on_hand + reserved + shipped or received != ledger or reserved != held
                or shipped != sent or min(on_hand, reserved, shipped) < 0):
            found.append(f"stock {row}")
    return found


def one_charge_per_order(stack):
    """The provider moved money at most once per key, and kept it only for
    confirmed orders."""
    entries = {e["key"]: e for e in stack.api("provider-sim", "GET", "/charges")["items"]}
    statuses = {str(i): s for i, s in stack.rows("orders", "SELECT order_id, status FROM orders")}
    found = [f"provider key {k} moved money {e['effects']} times" for k, e in entries.items()
             if e["effects"] > 1]
    for order_id, status in statuses.items():
        charged = entries.get(order_id, {}).get("status") == "captured"
        refunded = entries.get(order_id + "-refund", {}).get("status") == "refunded"
        if (charged and not refunded) != (status == "CONFIRMED"):
            found.append(f"order {order_id} {status}: charged {charged}, refunded {refunded}")
    return found


def sequences_have_no_gap(stack, services):
    found = []
    for service in services:
        for row in stack.rows(service, """
            SELECT aggregate_type, aggregate_id, count(*), max(sequence) FROM outbox_events
            GROUP BY 1, 2 HAVING count(*) <> max(sequence)"""):
            found.append(f"{service}: sequences of {row}")
        for row in stack.rows(service, """
            SELECT aggregate_id, sequence, seq FROM (
              SELECT *, lag(seq) OVER (PARTITION BY aggregate_type, aggregate_id ORDER BY sequence) AS before
              FROM outbox_events) e WHERE before > seq"""):
            found.append(f"{service}: seq does not rise with sequence at {row}")
    return found


def nothing_is_parked(stack, services):
    return [f"{service}: parked {row}" for service in services for row in
            stack.rows(service, "SELECT kind, event_id, name, reason FROM outbox_parked")]


def history_is_complete(stack, services):
    """Every order event of every outbox is in the history exactly once."""
    emitted = set()
    for service in services:
        emitted |= {i for (i,) in stack.rows(
            service, "SELECT event_id FROM outbox_events WHERE aggregate_type = 'order'")}
    recorded = {i for (i,) in stack.rows("history", "SELECT event_id FROM order_events")}
    return ([f"event {i} is not in the history" for i in emitted - recorded] +
            [f"history invented event {i}" for i in recorded - emitted])


def projections_of_history(stack):
    """What history tells of orders is what its log says, no more and no less."""
    generation, = stack.rows("history", "SELECT serving FROM projection")[0]
    of_log = """
        SELECT order_id, customer_id, currency, total_minor, placed_at,
               coalesce(max(CASE type WHEN 'order.confirmed.v1' THEN 'CONFIRMED' WHEN 'order.rejected.v1' THEN 'REJECTED'
                            WHEN 'order.cancelled.v1' THEN 'CANCELLED' END), 'PENDING') AS status
        FROM order_events GROUP BY 1, 2, 3, 4, 5"""
    found = [f"history's order {row}" for row in stack.rows("history", f"""
        WITH told AS (SELECT order_id, customer_id, currency, total_minor, placed_at, status FROM orders
                      WHERE generation = %(g)s), wanted AS ({of_log})
        (TABLE told EXCEPT ALL TABLE wanted) UNION ALL (TABLE wanted EXCEPT ALL TABLE told)""", {"g": generation})]
    return found + [f"history's totals {row}" for row in stack.rows("history", f"""
        WITH told AS (SELECT day, status, currency, sum(orders), sum(total_minor) FROM order_totals
                      WHERE generation = %(g)s GROUP BY 1, 2, 3 HAVING sum(orders) <> 0 OR sum(total_minor) <> 0),
             wanted AS (SELECT (placed_at AT TIME ZONE 'UTC')::date, status, currency, count(*)::numeric,
                               sum(total_minor) FROM ({of_log}) o GROUP BY 1, 2, 3)
        (TABLE told EXCEPT ALL TABLE wanted) UNION ALL (TABLE wanted EXCEPT ALL TABLE told)""", {"g": generation})]


def every_end_was_told(stack):
    """One mail per ended order, about how it ended, and the mail server has it."""
    ended = {i: s for i, s in stack.rows("orders", "SELECT order_id, status FROM orders") if s in DECIDED}
    mails = stack.rows("notifications", "SELECT order_id, kind, status, event_id FROM mails")
    told = {order_id: kind for order_id, kind, _, _ in mails}
    found = [f"order {i} ended {s}, its customer was told {told.get(i)}"
             for i, s in ended.items() if told.get(i) != s]
    found += [f"mail of {i} {kind} is {status}" for i, kind, status, _ in mails if status != "SENT"]
    found += [f"mail of {i} {kind} never came" for i, kind, _, event_id in mails
              if not stack.mails.by_id(event_id)]
    return found + [f"{len(mails)} mails about {len(told)} orders"] * (len(mails) != len(told))


def audit(stack, but):
    """`waybill audit`, with {invariant: how often the test has broken it on purpose}."""
    return [f"audit: {i['name']}: {i['broken']} broken, {i['findings']}" for i in stack.audit("--quiet")["invariants"]
            if i["broken"] != but.get(i["name"], 0)]


def broken(stack, but):
    from stack import SERVICES
    return (audit(stack, but) + orders_not_ended(stack) + money_and_goods(stack) + stock_adds_up(stack)
            + one_charge_per_order(stack) + sequences_have_no_gap(stack, SERVICES)
            + nothing_is_parked(stack, SERVICES) + every_end_was_told(stack)
            + history_is_complete(stack, SERVICES) + projections_of_history(stack))


def check(stack, seconds=60, but=None):
    """but: see audit. They hold once the system is quiet. The broker's own totals are not enough to
    know when that is (after a restart they show 0 for a queue that is not), so a
    breach counts when it lasts: what is lost or doubled stays so."""
    deadline = time.monotonic() + seconds
    while True:
        found = broken(stack, but or {})
        if not found:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{len(found)} invariants broken:\n" + "\n".join(found[:20]))
        time.sleep(0.5)
