-- Any order event, in any order of arrival: kept once, and the order's state is
-- what its last event of consequence says. status is NULL for an event that
-- changes none.
CREATE FUNCTION record_event(ords int[], event_ids uuid[], order_ids uuid[], sources text[], types text[],
                             sequences bigint[], times timestamptz[], details json[], statuses text[],
                             customer_ids uuid[], currencies text[], totals bigint[], placed timestamptz[])
RETURNS SETOF int LANGUAGE sql AS $$
  INSERT INTO order_events (event_id, order_id, source, type, sequence, occurred_at, detail)
    SELECT * FROM unnest(event_ids, order_ids, sources, types, sequences, times, details);
  INSERT INTO orders AS o (order_id, customer_id, status, currency, total_minor, placed_at, ended_at)
    SELECT order_id, customer_id, coalesce(status, 'PENDING'), currency, total_minor, placed_at,
           CASE WHEN status IS NOT NULL THEN occurred_at END
    FROM unnest(order_ids, statuses, customer_ids, currencies, totals, placed, times)
      AS a (order_id, status, customer_id, currency, total_minor, placed_at, occurred_at)
    ORDER BY order_id
    ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at
      WHERE excluded.ended_at IS NOT NULL;
  SELECT NULL::int WHERE false;
$$;
