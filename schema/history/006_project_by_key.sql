-- As before, but each order is looked up by its whole key. As a join the planner,
-- which expects few rows, read all orders of the generation and compared them with
-- each of the batch. So gen is no constant in these two look-ups: that would do for
-- a scan of the index.
CREATE OR REPLACE FUNCTION project(gen int, order_ids uuid[], types text[], times timestamptz[], customer_ids uuid[],
                        currencies text[], totals bigint[], placed timestamptz[])
RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  changes order_change[];
BEGIN
  WITH latest AS (
    SELECT DISTINCT ON (order_id) order_id, customer_id, order_status(type) AS status, currency, total_minor, placed_at,
           occurred_at
    FROM unnest(order_ids, types, times, customer_ids, currencies, totals, placed)
      AS e (order_id, type, occurred_at, customer_id, currency, total_minor, placed_at)
    ORDER BY order_id, order_status(type) IS NULL, occurred_at DESC, order_status(type) DESC
  ), added AS (
    INSERT INTO orders AS o (generation, order_id, customer_id, status, currency, total_minor, placed_at, ended_at)
      SELECT gen, order_id, customer_id, coalesce(status, 'PENDING'), currency, total_minor, placed_at,
             CASE WHEN status IS NOT NULL THEN occurred_at END
      FROM latest ORDER BY order_id
      ON CONFLICT DO NOTHING
      RETURNING o.status, o.currency, o.total_minor, o.placed_at
  )
  SELECT array_agg(((placed_at AT TIME ZONE 'UTC')::date, status, currency, 1, total_minor)::order_change)
    INTO changes FROM added;

  -- The orders that were there before and end now. An order that has just been
  -- added has its end already.
  IF 'order.confirmed.v1' = ANY (types) OR 'order.rejected.v1' = ANY (types) OR 'order.cancelled.v1' = ANY (types) THEN
    WITH latest AS (
      SELECT DISTINCT ON (order_id) order_id, order_status(type) AS status, occurred_at
      FROM unnest(order_ids, types, times) AS e (order_id, type, occurred_at)
      WHERE order_status(type) IS NOT NULL
      ORDER BY order_id, occurred_at DESC, order_status(type) DESC
    ), before AS (
      SELECT o.generation, o.order_id, o.status AS was, n.status, n.occurred_at
      FROM (SELECT * FROM latest ORDER BY order_id) AS n CROSS JOIN LATERAL (
        SELECT * FROM orders WHERE generation = gen AND order_id = n.order_id FOR UPDATE) AS o
      WHERE o.ended_at IS NULL OR (o.ended_at, o.status) < (n.occurred_at, n.status)
    ), ended AS (
      UPDATE orders o SET status = b.status, ended_at = b.occurred_at
      FROM before b WHERE o.generation = b.generation AND o.order_id = b.order_id
      RETURNING b.was, o.status, o.currency, o.total_minor, (o.placed_at AT TIME ZONE 'UTC')::date AS day
    )
    SELECT changes || array_agg(c) INTO changes
    FROM (SELECT (day, was, currency, -1, -total_minor)::order_change FROM ended
          UNION ALL SELECT (day, status, currency, 1, total_minor)::order_change FROM ended) AS a (c);
  END IF;

  INSERT INTO order_totals AS t (generation, day, status, currency, shard, orders, total_minor)
    SELECT gen, day, status, currency, pg_backend_pid() % 16, sum(orders), sum(total_minor)
    FROM unnest(changes) GROUP BY day, status, currency ORDER BY day, status, currency
    ON CONFLICT (generation, day, status, currency, shard) DO UPDATE
      SET orders = t.orders + excluded.orders, total_minor = t.total_minor + excluded.total_minor;
END
$$;
