-- The same, planned once per connection: a function in SQL is planned anew at each
-- call, and to plan a look at all partitions takes longer than to look.
CREATE OR REPLACE FUNCTION outbox_age_ms() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  RETURN coalesce((extract(epoch FROM clock_timestamp() - min(e.created_at)) * 1000)::bigint, 0)
    FROM outbox_cursors c CROSS JOIN LATERAL (
      SELECT n.created_at FROM outbox_events n
      WHERE n.lane = c.lane AND n.xid >= pg_snapshot_xmax(c.done)
      ORDER BY n.xid, n.seq LIMIT 1) e;
END $$;

DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION outbox_age_ms() SET search_path = %I, pg_temp', current_schema());
END $$;
