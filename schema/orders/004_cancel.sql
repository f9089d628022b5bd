-- A customer or operator wants an order cancelled. Answers REQUESTED (with the
-- sequence of the event to emit), ALREADY when it was requested before, MISSING,
-- or the status in which it ended.
CREATE FUNCTION request_cancel(id uuid)
RETURNS TABLE (outcome text, sequence bigint, snapshot json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  o orders;
BEGIN
  SELECT * INTO o FROM orders WHERE order_id = id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'MISSING', 0::bigint, NULL::json;
  ELSIF o.status <> 'PENDING' THEN
    RETURN QUERY SELECT o.status, 0::bigint, NULL::json;
  ELSIF o.cancel_requested_at IS NOT NULL THEN
    RETURN QUERY SELECT 'ALREADY', 0::bigint, NULL::json;
  ELSE
    RETURN QUERY
      UPDATE orders SET cancel_requested_at = clock_timestamp(), sequence = orders.sequence + 1,
        version = version + 1, updated_at = clock_timestamp()
      WHERE order_id = id RETURNING 'REQUESTED', orders.sequence, orders.snapshot;
  END IF;
END $$;

-- Orders pending past their deadline: their cancellation is requested, and again
-- every repeat_ms while they stay pending.
CREATE FUNCTION sweep_orders(max_orders int, repeat_ms bigint)
RETURNS TABLE (order_id uuid, sequence bigint, snapshot json)
LANGUAGE sql AS $$
  WITH overdue AS MATERIALIZED (
    SELECT o.order_id FROM orders o
    WHERE o.status = 'PENDING' AND o.deadline_at <= clock_timestamp()
    ORDER BY o.deadline_at LIMIT max_orders FOR UPDATE SKIP LOCKED)
  UPDATE orders o SET sequence = o.sequence + 1, version = o.version + 1,
    cancel_requested_at = coalesce(o.cancel_requested_at, clock_timestamp()),
    deadline_at = clock_timestamp() + repeat_ms * interval '1 ms',
    updated_at = clock_timestamp()
  FROM overdue WHERE o.order_id = overdue.order_id
  RETURNING o.order_id, o.sequence, o.snapshot;
$$;
