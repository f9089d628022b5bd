-- Events are only inserted; a trigger adds a row without a payload to a thin queue
-- table, and what is published is deleted there. The claim has a floor, as in
-- update.sql. When an event was published is told by a row per batch.
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
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  period         smallint NOT NULL DEFAULT (extract(epoch FROM now())::bigint / 86400) % 32
) PARTITION BY LIST (period);
DO $$
BEGIN
  FOR i IN 0..31 LOOP
    EXECUTE format('CREATE TABLE events_%1$s PARTITION OF events (PRIMARY KEY (seq))
                    FOR VALUES IN (%1$s)', i);
  END LOOP;
END $$;
CREATE INDEX ON events (aggregate_type, aggregate_id, sequence);

CREATE TABLE pending (
  seq    bigint NOT NULL,
  lane   smallint NOT NULL,
  period smallint NOT NULL
);
CREATE INDEX pending_lane ON pending (lane, seq);
ALTER TABLE pending SET (autovacuum_vacuum_scale_factor = 0.01,
                         autovacuum_vacuum_threshold = 500,
                         autovacuum_vacuum_cost_delay = 0);

CREATE TABLE batches (confirmed_at timestamptz, seqs bigint[]);

CREATE FUNCTION enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO pending SELECT seq, lane_of(aggregate_type, aggregate_id), period FROM fresh;
  RETURN NULL;
END $$;
CREATE TRIGGER enqueue AFTER INSERT ON events REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION enqueue();

CREATE PROCEDURE drain(most int, INOUT done bigint) LANGUAGE plpgsql AS $$
DECLARE
  locked int[];
  batch bigint[];
  rows tid[];
  head bigint;
  floor bigint := 0;
  bytes bigint;
BEGIN
  done := 0;
  LOOP
    SELECT array_agg(x.lane), min(x.seq) INTO locked, head FROM (
      SELECT l.lane, h.seq FROM lanes l CROSS JOIN LATERAL (
        SELECT p.seq FROM pending p
          WHERE (p.lane, p.seq) >= (l.lane, floor) AND (p.lane, p.seq) < (l.lane + 1, 0)
          ORDER BY p.lane, p.seq LIMIT 1) h
        ORDER BY h.seq LIMIT 16 FOR UPDATE OF l SKIP LOCKED) x;
    EXIT WHEN locked IS NULL;
    SELECT array_agg(c.seq), array_agg(c.id), sum(octet_length(e.payload::text))
      INTO batch, rows, bytes FROM (
        SELECT p.* FROM unnest(locked) AS l(lane) CROSS JOIN LATERAL (
          SELECT p.ctid AS id, p.* FROM pending p
            WHERE (p.lane, p.seq) >= (l.lane::smallint, floor)
              AND (p.lane, p.seq) < ((l.lane + 1)::smallint, 0)
            ORDER BY p.lane, p.seq LIMIT 31) p) c
        JOIN events e ON e.period = c.period AND e.seq = c.seq;
    floor := head - 4000;
    DELETE FROM pending p USING unnest(rows) AS r(id) WHERE p.ctid = r.id;
    INSERT INTO batches VALUES (clock_timestamp(), batch);
    done := done + cardinality(batch);
    COMMIT;
    EXIT WHEN done >= most;
  END LOOP;
END $$;

CREATE PROCEDURE fill(n int) LANGUAGE plpgsql AS $$
BEGIN
  ALTER TABLE events DISABLE TRIGGER USER;
  FOR i IN 1..n / 100000 LOOP
    INSERT INTO events (event_id, aggregate_type, aggregate_id, sequence, event_type, payload)
      SELECT * FROM make_events(100000);
    COMMIT;
  END LOOP;
  ALTER TABLE events ENABLE TRIGGER USER;
END $$;
