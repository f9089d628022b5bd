-- Published events are deleted and copied into a partition of their history, in one
-- statement. The claim has a floor, as in update.sql. Events are not indexed once they
-- are in the history.
CREATE TABLE events (
  seq            bigint NOT NULL DEFAULT nextval('seqs') PRIMARY KEY,
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
  attempts       int NOT NULL DEFAULT 0,
  UNIQUE (aggregate_type, aggregate_id, sequence)
);
CREATE INDEX events_lane ON events (lane, seq);
ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.01,
                        autovacuum_vacuum_threshold = 500,
                        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE history (
  seq            bigint NOT NULL,
  event_id       uuid NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   text NOT NULL,
  sequence       bigint NOT NULL,
  event_type     text NOT NULL,
  payload        json NOT NULL,
  correlation_id text,
  causation_id   uuid,
  traceparent    text,
  created_at     timestamptz NOT NULL,
  published_at   timestamptz NOT NULL
) PARTITION BY RANGE (published_at);
CREATE TABLE history_old PARTITION OF history FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE history_now PARTITION OF history FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);

CREATE PROCEDURE drain(most int, INOUT done bigint) LANGUAGE plpgsql AS $$
DECLARE
  locked int[];
  batch bigint[];
  head bigint;
  floor bigint := 0;
  bytes bigint;
BEGIN
  done := 0;
  LOOP
    SELECT array_agg(x.lane), min(x.seq) INTO locked, head FROM (
      SELECT l.lane, h.seq FROM lanes l CROSS JOIN LATERAL (
        SELECT e.seq FROM events e
          WHERE (e.lane, e.seq) >= (l.lane, floor) AND (e.lane, e.seq) < (l.lane + 1, 0)
          ORDER BY e.lane, e.seq LIMIT 1) h
        ORDER BY h.seq LIMIT 16 FOR UPDATE OF l SKIP LOCKED) x;
    EXIT WHEN locked IS NULL;
    SELECT array_agg(c.seq), sum(octet_length(c.payload::text)) INTO batch, bytes FROM (
      SELECT e.* FROM unnest(locked) AS l(lane) CROSS JOIN LATERAL (
        SELECT e.* FROM events e
          WHERE (e.lane, e.seq) >= (l.lane::smallint, floor)
            AND (e.lane, e.seq) < ((l.lane + 1)::smallint, 0)
          ORDER BY e.lane, e.seq LIMIT 31) e) c;
    floor := head - 4000;
    WITH gone AS (DELETE FROM events WHERE seq = ANY (batch) RETURNING *)
      INSERT INTO history
        SELECT seq, event_id, aggregate_type, aggregate_id, sequence, event_type, payload,
               correlation_id, causation_id, traceparent, created_at, clock_timestamp()
          FROM gone;
    done := done + cardinality(batch);
    COMMIT;
    EXIT WHEN done >= most;
  END LOOP;
END $$;

CREATE PROCEDURE fill(n int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n / 100000 LOOP
    INSERT INTO history (event_id, aggregate_type, aggregate_id, sequence, event_type, payload,
                         published_at, created_at, seq)
      SELECT *, now(), now(), nextval('seqs') FROM make_events(100000);
    COMMIT;
  END LOOP;
END $$;
