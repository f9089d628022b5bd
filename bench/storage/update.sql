-- Events are marked: published_at, and a partial index of what has none. A claim
-- starts at the floor, a little below the lowest unpublished event of the claim
-- before, so that it need not pass the index entries of what was marked since.
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
  published_at   timestamptz,
  attempts       int NOT NULL DEFAULT 0,
  UNIQUE (aggregate_type, aggregate_id, sequence)
);
CREATE INDEX events_pending ON events (lane, seq) WHERE published_at IS NULL;
ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.01,
                        autovacuum_vacuum_threshold = 500,
                        autovacuum_vacuum_cost_delay = 0);

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
            AND e.published_at IS NULL
          ORDER BY e.lane, e.seq LIMIT 1) h
        ORDER BY h.seq LIMIT 16 FOR UPDATE OF l SKIP LOCKED) x;
    EXIT WHEN locked IS NULL;
    SELECT array_agg(c.seq), sum(octet_length(c.payload::text)) INTO batch, bytes FROM (
      SELECT e.* FROM unnest(locked) AS l(lane) CROSS JOIN LATERAL (
        SELECT e.* FROM events e
          WHERE (e.lane, e.seq) >= (l.lane::smallint, floor)
            AND (e.lane, e.seq) < ((l.lane + 1)::smallint, 0)
            AND e.published_at IS NULL
          ORDER BY e.lane, e.seq LIMIT 31) e) c;
    floor := head - 4000;
    UPDATE events SET published_at = clock_timestamp() WHERE seq = ANY (batch);
    done := done + cardinality(batch);
    COMMIT;
    EXIT WHEN done >= most;
  END LOOP;
END $$;

CREATE PROCEDURE fill(n int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n / 100000 LOOP
    INSERT INTO events (event_id, aggregate_type, aggregate_id, sequence, event_type, payload,
                        published_at)
      SELECT *, now() FROM make_events(100000);
    COMMIT;
  END LOOP;
END $$;
