-- The projections: made by one and the same function when an event comes and
-- when the log is read again.

-- What an event does to the status of its order; NULL: nothing.
CREATE FUNCTION order_status(type text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE type WHEN 'order.confirmed.v1' THEN 'CONFIRMED'
                   WHEN 'order.rejected.v1' THEN 'REJECTED'
                   WHEN 'order.cancelled.v1' THEN 'CANCELLED' END
$$;

-- A change of order_totals.
CREATE TYPE order_change AS (day date, status text, currency text, orders bigint, total_minor numeric);

-- Takes events of any orders, any number of each order's and in any order; but
-- each event once per generation. How they are cut into calls makes no
-- difference: an order is there once one of its events is, and its status is what
-- its latest end says.
--
-- Orders are locked before totals, both sorted, so that calls never deadlock. The
-- plans are pinned: they may be made while the tables are still empty.
CREATE FUNCTION project(gen int, order_ids uuid[], types text[], times timestamptz[], customer_ids uuid[],
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
      SELECT o.order_id, o.status AS was, n.status, n.occurred_at
      FROM latest n JOIN orders o ON o.generation = gen AND o.order_id = n.order_id
      WHERE o.ended_at IS NULL OR (o.ended_at, o.status) < (n.occurred_at, n.status)
      ORDER BY o.order_id FOR UPDATE OF o
    ), ended AS (
      UPDATE orders o SET status = b.status, ended_at = b.occurred_at
      FROM before b WHERE o.generation = gen AND o.order_id = b.order_id
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

-- Any order event, in any order of arrival: into the log and into the projection
-- that is read. The lock is shared by all who write, so that whoever has it alone
-- knows that no number below the last one is still to be committed.
DROP FUNCTION record_event(int[], uuid[], uuid[], text[], text[], bigint[], timestamptz[], json[], text[], uuid[],
                           text[], bigint[], timestamptz[]);
CREATE FUNCTION record_event(ords int[], event_ids uuid[], order_ids uuid[], sources text[], types text[],
                             sequences bigint[], times timestamptz[], details json[], snapshots json[],
                             customer_ids uuid[], currencies text[], totals bigint[], placed timestamptz[])
RETURNS SETOF int LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(8617204433);
  INSERT INTO order_events (event_id, order_id, source, type, sequence, occurred_at, detail, snapshot, customer_id,
                            currency, total_minor, placed_at)
    SELECT * FROM unnest(event_ids, order_ids, sources, types, sequences, times, details, snapshots, customer_ids,
                         currencies, totals, placed);
  PERFORM project((SELECT serving FROM projection), order_ids, types, times, customer_ids, currencies, totals, placed);
END
$$;
