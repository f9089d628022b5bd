-- The same claim, for less. It was planned anew at each call, which took longer than
-- the claim itself: a function in plpgsql is planned once per connection. It read all
-- first calls, however few it took, for the planner makes NOT (calls > 0) into
-- calls <= 0, which is not what the index says; and all that are due later, for the
-- time of clock_timestamp() can't limit a scan. Updated is by key: the plan may be made
-- while the table is empty.
CREATE INDEX payments_claims ON payments (least(calls, 1), due_at)
  WHERE status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING');
DROP INDEX payments_due;

CREATE OR REPLACE FUNCTION claim_payments(max_calls int, lease_ms bigint)
RETURNS TABLE (order_id uuid, status text, amount_minor bigint, currency text, method text, calls int)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH kept AS MATERIALIZED (
      SELECT p.order_id FROM payments p
      WHERE p.status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')
        AND least(p.calls, 1) = 1 AND p.due_at <= statement_timestamp()
      ORDER BY p.due_at LIMIT max_calls / 4 FOR UPDATE SKIP LOCKED),
    first AS MATERIALIZED (
      SELECT p.order_id FROM payments p
      WHERE p.status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')
        AND least(p.calls, 1) = 0 AND p.due_at <= statement_timestamp()
      ORDER BY p.due_at LIMIT max_calls - (SELECT count(*) FROM kept) FOR UPDATE SKIP LOCKED),
    others AS MATERIALIZED (
      SELECT p.order_id FROM payments p
      WHERE p.status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')
        AND least(p.calls, 1) = 1 AND p.due_at <= statement_timestamp()
        AND p.order_id NOT IN (SELECT k.order_id FROM kept k)
      ORDER BY p.due_at LIMIT max_calls - (SELECT count(*) FROM kept) - (SELECT count(*) FROM first)
      FOR UPDATE SKIP LOCKED)
    UPDATE payments p SET
      status = CASE p.status WHEN 'REQUESTED' THEN 'ATTEMPTING' ELSE p.status END,
      calls = p.calls + 1,
      due_at = clock_timestamp() + lease_ms * interval '1 ms',
      updated_at = clock_timestamp()
    WHERE p.order_id = ANY (ARRAY(
      SELECT k.order_id FROM kept k UNION ALL SELECT f.order_id FROM first f UNION ALL SELECT o.order_id FROM others o))
    RETURNING p.order_id, p.status, p.amount_minor, p.currency, p.method, p.calls;
END $$;
