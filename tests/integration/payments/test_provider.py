#!/usr/bin/python3
"""Payments with a provider that is slow, fails, hangs, lies (charges, then drops the
connection) or refuses, on a whole stack: no order is charged twice, and none is left
for ever."""
import re
import signal
import sys
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import invariants  # noqa: E402
from stack import Stack, eventually  # noqa: E402

MAX_CALLS = 8
BREAKER_CALLS = 6


class Provider(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack("provider", env={
            "orders-api": {"WB_ORDER_DEADLINE_MS": "600000"},
            "orders-consumer": {"WB_SWEEP_INTERVAL_MS": "50", "WB_SWEEP_REPEAT_MS": "500"},
            "payments": {"WB_MAX_CALLS": str(MAX_CALLS), "WB_CALL_DEADLINE_MS": "400", "WB_CHARGE_POLL_MS": "20",
                         "WB_CHARGE_RETRY_BASE_MS": "20", "WB_CHARGE_RETRY_CAP_MS": "100", "WB_MAX_REFUSALS": "3",
                         "WB_BREAKER_CALLS": str(BREAKER_CALLS), "WB_BREAKER_FAILURE_PERCENT": "100",
                         "WB_BREAKER_OPEN_MS": "200", "WB_BREAKER_PROBES": "2"},
            "provider-sim": {"WB_SLOW_MS": "100"}})
        cls.stack.start()
        cls.stack.seed({"TEA": 10000})

    @classmethod
    def tearDownClass(cls):
        cls.stack.await_quiet()
        invariants.check(cls.stack)
        assert set(cls.stack.stop().values()) == {0}

    def setUp(self):
        self.behave()
        eventually(lambda: self.breaker() == 0 or self.stack.await_status(self.stack.order({"TEA": 1})), 60,
                   "the breaker is closed again")

    def behave(self, method="*", **modes):
        self.stack.api("provider-sim", "PUT", f"/modes/{method}", modes)

    def metric(self, name, process="payments"):
        port = self.stack.admin_ports[process]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            text = response.read().decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        return float(found[1]) if found else None

    def breaker(self):
        return self.metric("wb_provider_breaker_state")

    def moves(self, to):
        return self.metric(f'wb_provider_breaker_moves_total{{to="{to}"}}')

    def charge(self, order_id, suffix=""):
        charges = self.stack.api("provider-sim", "GET", "/charges")["items"]
        return {c["key"]: c for c in charges}.get(order_id + suffix, {"calls": 0, "effects": 0})

    def payment(self, order_id):
        rows = self.stack.rows("payments", "SELECT status, refusals, due_at = 'infinity' FROM payments "
                               "WHERE order_id = %s", (order_id,))
        return rows[0] if rows else (None, 0, False)

    def calls(self, order_ids):
        """As we count them: libcurl itself sends a request again whose kept-alive connection ends
        without an answer."""
        return self.stack.rows("payments", "SELECT sum(calls)::int FROM payments WHERE order_id = ANY (%s::uuid[])",
                               (order_ids,))[0][0]

    def orders(self, n, **how):
        return [self.stack.order({"TEA": 1}, **how) for _ in range(n)]

    def ends(self, order_ids, status):
        for order_id in order_ids:
            self.assertEqual(self.stack.await_status(order_id)["status"], status)

    # ---- it does not work

    def breaks_and_recovers(self, charged, **modes):
        """While the breaker is open hardly any call is made; then all orders are confirmed.
        Half of them have been cancelled meanwhile."""
        opened, closed = self.moves("OPEN"), self.moves("CLOSED")
        self.behave(**modes)
        order_ids = self.orders(20)
        eventually(lambda: self.moves("OPEN") > opened, 60, "the breaker opens")
        rounds, before = self.moves("OPEN"), self.calls(order_ids)
        eventually(lambda: self.moves("OPEN") >= rounds + 3, 60, "and again after each probe")
        calls = self.calls(order_ids) - before
        # Those under way when it opened; then a probe each time. (Before it opens the orders that came
        # first are tried again too, as often as there is time until enough others have come.)
        self.assertLessEqual(calls, MAX_CALLS + self.moves("OPEN") - rounds + 1)
        self.assertTrue(self.stack.is_ready("payments"), "the queue is consumed all the same")
        for order_id in order_ids[::2]:
            self.assertEqual(self.stack.cancel(order_id), 202)
        self.assertEqual(any(self.charge(i)["effects"] for i in order_ids), charged)
        self.behave()
        self.ends(order_ids[::2], "CANCELLED")
        self.ends(order_ids[1::2], "CONFIRMED")
        self.assertEqual({self.charge(i)["effects"] for i in order_ids[1::2]}, {1})
        eventually(lambda: self.moves("CLOSED") > closed and self.breaker() == 0, 30, "the breaker closes")

    def test_failing(self):
        self.breaks_and_recovers(False, charges="failing")

    def test_hanging(self):
        self.breaks_and_recovers(False, charges="hanging")

    def test_lying(self):
        """It charges and drops the connection."""
        self.breaks_and_recovers(True, charges="lying")

    def test_one_method_alone(self):
        """The others go on."""
        self.behave("pm_slow", charges="lying")
        hurt = self.stack.order({"TEA": 1}, payment_method="pm_slow")
        eventually(lambda: self.charge(hurt)["calls"] > 1, 30, "it is called")
        self.ends(self.orders(10), "CONFIRMED")
        self.behave("pm_slow")
        self.ends([hurt], "CONFIRMED")

    def test_slow_is_bounded(self):
        """The bulkhead: so many calls at a time and no more, and nobody else waits. All charges
        are due at once."""
        # The simulator keeps its highest number for as long as it runs.
        for name in ("payments", "provider-sim"):
            self.assertEqual(self.stack.processes[name].kill(signal.SIGTERM), 0)
        self.stack.start("provider-sim")
        self.behave(charges="slow")
        order_ids = self.orders(3 * MAX_CALLS)
        eventually(lambda: self.stack.queue_depth("payments") >= len(order_ids), 60, "all are reserved")
        self.stack.start("payments")
        self.ends(order_ids, "CONFIRMED")
        most = self.metric("wb_sim_held_most", "provider-sim")
        self.assertLessEqual(most, MAX_CALLS)
        self.assertGreater(most, 1)

    # ---- it refuses

    def test_a_charge_refused_for_good_is_declined(self):
        self.behave(charges="refusing")
        order_id = self.stack.order({"TEA": 1})
        order = self.stack.await_status(order_id)
        self.assertEqual((order["status"], order["cause"]["code"]), ("CANCELLED", "PAYMENT_DECLINED"))
        self.assertIn("422", order["cause"]["detail"])
        self.assertEqual(self.charge(order_id)["calls"], 3)
        self.assertEqual(self.breaker(), 0, "an answer is no failure of the provider")

    def test_a_charge_refused_and_cancelled(self):
        """VOIDING: there is nothing to refund."""
        self.behave(charges="hanging")
        order_id = self.stack.order({"TEA": 1})
        eventually(lambda: self.charge(order_id)["calls"], 30, "the call is under way")
        self.assertEqual(self.stack.cancel(order_id), 202)
        eventually(lambda: self.payment(order_id)[0] == "VOIDING", 30, "the cancellation came")
        self.behave(charges="refusing")
        self.ends([order_id], "CANCELLED")
        self.assertEqual(self.payment(order_id)[0], "VOIDED")

    def test_a_refund_that_fails_at_first(self):
        for mode in ("failing", "hanging", "lying"):
            with self.subTest(mode=mode):
                self.behave(refunds=mode)
                order_id = self.stack.order({"TEA": 1}, country="ZZ")
                eventually(lambda i=order_id: self.charge(i, "-refund")["calls"] > 1, 30, "it is tried again")
                self.assertEqual(self.stack.get(order_id)["status"], "PENDING")
                self.behave()
                self.ends([order_id], "CANCELLED")
                self.assertEqual(self.charge(order_id, "-refund")["effects"], 1)

    def test_a_refund_refused_for_good_is_seen(self):
        """It is parked with an alert, not called any more, and goes on when told to."""
        self.behave(refunds="refusing")
        order_id = self.stack.order({"TEA": 1}, country="ZZ")
        eventually(lambda: self.payment(order_id) == ("REFUNDING", 3, True), 30, "it is parked")
        eventually(lambda: self.metric("wb_payments_parked") == 1, 30, "the metric tells it")
        log = (self.stack.logs / "payments.log").read_text()
        self.assertRegex(log, rf"(?m)error WB-PAYMENT-PARKED.*order={order_id} why=.*422|"
                         rf"WB-PAYMENT-PARKED.*{order_id}.*422")
        (row,) = self.stack.rows("payments", "SELECT order_id, status, refused_with FROM payments_parked")
        self.assertEqual((str(row[0]), row[1]), (order_id, "REFUNDING"))
        # Neither the sweeper's repeated requests nor a restart call the provider again.
        self.stack.rows("orders", "UPDATE orders SET deadline_at = now() WHERE order_id = %s", (order_id,))
        eventually(lambda: self.stack.rows("orders", "SELECT 1 FROM outbox_events WHERE aggregate_id = %s AND "
                                           "event_type = 'order.cancel_requested.v1' HAVING count(*) > 2", (order_id,)),
                   30, "the sweeper has asked more than once")
        self.ends(self.orders(3), "CONFIRMED")
        self.assertEqual(self.charge(order_id, "-refund")["calls"], 3)
        self.assertEqual(self.stack.get(order_id)["status"], "PENDING")
        self.behave()
        self.assertEqual(self.stack.rows("payments", "SELECT retry_payment(%s)", (order_id,)), [(True,)])
        self.ends([order_id], "CANCELLED")
        self.assertEqual(self.charge(order_id, "-refund")["effects"], 1)
        self.assertEqual(self.stack.rows("payments", "SELECT retry_payment(%s)", (order_id,)), [(False,)])
        eventually(lambda: self.metric("wb_payments_parked") == 0, 30, "the metric tells it")


if __name__ == "__main__":
    unittest.main(verbosity=2)
