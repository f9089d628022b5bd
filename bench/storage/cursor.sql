-- Events are only inserted. What is published is told by a cursor: all transactions
-- that the snapshot from_snapshot sees are done, and of those that to_snapshot sees and
-- it does not, events up to last_seq. One cursor for all; what the relay has instead is
-- one per lane, each batch's in a new row.
CREATE TABLE events (
  seq            bigint NOT NULL DEFAULT nextval('seqs'),
  event_id       uuid NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   text NOT NULL,
  sequence       bigint NOT NULL,
  event_type     text NOT NULL,
  payload        json NOT NULL,
  correlation_id text,
  causation_id   uuid,
  traceparent    text,
  lane           smallint NOT NULL
                 GENERATED ALWAYS AS (lane_of(aggregate_type, aggregate_id)) STORED,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid            xid8 NOT NULL DEFAULT pg_current_xact_id()
) PARTITION BY RANGE (created_at);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE events_now PARTITION OF events FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
CREATE INDEX ON events (seq);
CREATE INDEX ON events (xid);
CREATE INDEX ON events (aggregate_type, aggregate_id, sequence);

CREATE TABLE cursors (
  id            int PRIMARY KEY,
  from_snapshot pg_snapshot NOT NULL,
  to_snapshot   pg_snapshot,
  last_seq      bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO cursors VALUES (1, pg_current_snapshot(), NULL, 0);

CREATE TABLE batches (confirmed_at timestamptz, seqs bigint[]);

CREATE PROCEDURE drain(most int, INOUT done bigint) LANGUAGE plpgsql AS $$
DECLARE
  c cursors;
  batch bigint[];
  bytes bigint;
BEGIN
  done := 0;
  LOOP
    SELECT * INTO c FROM cursors WHERE id = 1 FOR UPDATE;
    IF c.to_snapshot IS NULL THEN
      c.to_snapshot := pg_current_snapshot();
      SELECT coalesce(min(seq) - 1, 0) INTO c.last_seq FROM (
        SELECT seq FROM events WHERE xid >= pg_snapshot_xmax(c.from_snapshot)
          ORDER BY xid LIMIT 1000) x;
      -- Those that were open then, and have committed since.
      PERFORM count(*) FROM pg_snapshot_xip(c.from_snapshot) AS x(xid)
        JOIN events e ON e.xid = x.xid
        WHERE pg_visible_in_snapshot(x.xid, c.to_snapshot);
    END IF;
    SELECT array_agg(p.seq), sum(octet_length(p.payload::text)) INTO batch, bytes FROM (
      SELECT e.* FROM events e
        WHERE e.seq > c.last_seq AND e.xid >= pg_snapshot_xmax(c.from_snapshot)
          AND pg_visible_in_snapshot(e.xid, c.to_snapshot)
        ORDER BY e.seq LIMIT 500) p;
    IF batch IS NULL THEN
      EXIT WHEN NOT EXISTS (
        SELECT FROM events WHERE xid >= pg_snapshot_xmax(c.to_snapshot));
      UPDATE cursors SET from_snapshot = c.to_snapshot, to_snapshot = NULL WHERE id = 1;
    ELSE
      INSERT INTO batches VALUES (clock_timestamp(), batch);
      UPDATE cursors SET to_snapshot = c.to_snapshot, last_seq = batch[cardinality(batch)]
        WHERE id = 1;
      done := done + cardinality(batch);
    END IF;
    COMMIT;
    EXIT WHEN done >= most;
  END LOOP;
END $$;

CREATE PROCEDURE fill(n int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n / 100000 LOOP
    INSERT INTO events (event_id, aggregate_type, aggregate_id, sequence, event_type, payload)
      SELECT * FROM make_events(100000);
    COMMIT;
  END LOOP;
  UPDATE cursors SET from_snapshot = pg_current_snapshot(), to_snapshot = NULL;
  COMMIT;
END $$;
