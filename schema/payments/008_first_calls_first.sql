-- Calls that fail come again and again. Taken strictly by when they are due, they
-- stood before the payments that nobody has tried yet: with the breaker half open
-- the provider was probed with just those that fail, one in each open time, and all
-- others waited behind them. So first calls go first. A quarter of what is claimed
-- at a time is kept for repeats, so that neither starves.

-- It takes the place of payments_wishes, which had no word on calls.
CREATE INDEX payments_due ON payments ((calls > 0), due_at)
  WHERE status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING');
DROP INDEX payments_wishes;

CREATE OR REPLACE FUNCTION claim_payments(max_calls int, lease_ms bigint)
RETURNS TABLE (order_id uuid, status text, amount_minor bigint, currency text, method text, calls int)
LANGUAGE sql AS $$
  WITH kept AS MATERIALIZED (
    SELECT p.order_id FROM payments p
    WHERE p.status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')
      AND (p.calls > 0) AND p.due_at <= clock_timestamp()
    ORDER BY p.due_at LIMIT max_calls / 4 FOR UPDATE SKIP LOCKED),
  first AS MATERIALIZED (
    SELECT p.order_id FROM payments p
    WHERE p.status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')
      AND NOT (p.calls > 0) AND p.due_at <= clock_timestamp()
    ORDER BY p.due_at LIMIT max_calls - (SELECT count(*) FROM kept) FOR UPDATE SKIP LOCKED),
  others AS MATERIALIZED (
    SELECT p.order_id FROM payments p
    WHERE p.status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING')
      AND (p.calls > 0) AND p.due_at <= clock_timestamp()
      AND p.order_id NOT IN (SELECT k.order_id FROM kept k)
    ORDER BY p.due_at LIMIT max_calls - (SELECT count(*) FROM kept) - (SELECT count(*) FROM first)
    FOR UPDATE SKIP LOCKED),
  due AS (SELECT * FROM kept UNION ALL SELECT * FROM first UNION ALL SELECT * FROM others)
  UPDATE payments p SET
    status = CASE p.status WHEN 'REQUESTED' THEN 'ATTEMPTING' ELSE p.status END,
    calls = p.calls + 1,
    due_at = clock_timestamp() + lease_ms * interval '1 ms',
    updated_at = clock_timestamp()
  FROM due WHERE p.order_id = due.order_id
  RETURNING p.order_id, p.status, p.amount_minor, p.currency, p.method, p.calls;
$$;
