-- How long the oldest event has waited that no cursor has passed, in ms; 0 for none.
-- Cheap however many wait: one look into the index per lane. What is parked does not
-- count.
CREATE FUNCTION outbox_age_ms() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
  SELECT coalesce((extract(epoch FROM clock_timestamp() - min(e.created_at)) * 1000)::bigint, 0)
  FROM outbox_cursors c CROSS JOIN LATERAL (
    SELECT n.created_at FROM outbox_events n
    WHERE n.lane = c.lane AND n.xid >= pg_snapshot_xmax(c.done)
    ORDER BY n.xid, n.seq LIMIT 1) e;
$$;

-- It runs with its owner's rights: no temporary table of the caller's may take a
-- name in it.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION outbox_age_ms() SET search_path = %I, pg_temp', current_schema());
END $$;
