-- The same sweep, which read every order that is under way: a scan can't be limited by
-- clock_timestamp(). Planned once per connection, so updated by key.
CREATE OR REPLACE FUNCTION sweep_orders(max_orders int, repeat_ms bigint)
RETURNS TABLE (order_id uuid, sequence bigint, snapshot json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH overdue AS MATERIALIZED (
      SELECT o.order_id FROM orders o
      WHERE o.status = 'PENDING' AND o.deadline_at <= statement_timestamp()
      ORDER BY o.deadline_at LIMIT max_orders FOR UPDATE SKIP LOCKED)
    UPDATE orders o SET sequence = o.sequence + 1, version = o.version + 1,
      cancel_requested_at = coalesce(o.cancel_requested_at, clock_timestamp()),
      deadline_at = clock_timestamp() + repeat_ms * interval '1 ms',
      updated_at = clock_timestamp()
    WHERE o.order_id = ANY (ARRAY(SELECT d.order_id FROM overdue d))
    RETURNING o.order_id, o.sequence, o.snapshot;
END $$;
