#!/usr/bin/python3
"""Whose turn it is at the provider: calls that fail again and again hold up nobody
else, and are not forgotten. Straight on the SQL functions of the schema. Reads
WB_TEST_PG_DSN (a superuser's)."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import saga_model  # noqa: E402
from saga_model import Message, Saga, line, order_snapshot  # noqa: E402
from stack import need_env  # noqa: E402


class Claims(unittest.TestCase):
    def setUp(self):
        self.saga = Saga({"payments": saga_model.connect("payments")})
        self.failed = set(self.wish(40))
        self.make_due(self.claimed(40))

    def tearDown(self):
        self.saga.connections["payments"].close()

    def wish(self, n):
        orders = [order_snapshot([line("SKU")]) for _ in range(n)]
        self.saga.deliver([Message("payments", "stock.reserved.v1", {"order": order}) for order in orders])
        return [order["order_id"] for order in orders]

    def claimed(self, most):
        rows = self.saga.rows("payments", "SELECT order_id::text FROM claim_payments(%s, 600000)", (most,))
        return [order_id for (order_id,) in rows]

    def make_due(self, order_ids):
        """Their calls had no answer, and are due again at once."""
        self.saga.settle({order_id: "UNKNOWN" for order_id in order_ids})

    def test_a_probe_is_a_first_call(self):
        fresh = set(self.wish(2))
        probes = [order_id for _ in range(3) for order_id in self.claimed(1)]
        self.assertEqual(set(probes[:2]), fresh)
        self.assertIn(probes[2], self.failed)

    def test_repeats_have_a_quarter(self):
        fresh = self.wish(30)
        claimed = self.claimed(16)
        self.assertEqual(len(claimed), len(set(claimed)))
        self.assertEqual((len(set(claimed) & set(fresh)), len(set(claimed) & self.failed)), (12, 4))

    def test_what_one_kind_leaves_the_other_takes(self):
        fresh = set(self.wish(2))
        claimed = set(self.claimed(16))
        self.assertTrue(fresh < claimed)
        self.assertEqual(len(claimed), 16)
        self.assertEqual(len(self.claimed(100)), 26)
        fresh = set(self.wish(20))  # and all others are under way
        self.assertEqual([len(self.claimed(16)), len(self.claimed(16))], [16, 4])

    def test_the_longest_due_comes_first(self):
        self.make_due([order_id for _ in range(40) for order_id in self.claimed(1)][::-1])
        due = dict(self.saga.rows("payments", "SELECT order_id::text, due_at FROM payments"))
        times = [due[order_id] for _ in range(40) for order_id in self.claimed(1)]
        self.assertEqual(len(times), 40)
        self.assertEqual(times, sorted(times))


if __name__ == "__main__":
    need_env("WB_TEST_PG_DSN")
    saga_model.create_databases(["payments"])
    try:
        unittest.main(verbosity=2)
    finally:
        saga_model.drop_databases(["payments"])
