-- What the prototypes have in common. Each then makes a table `events` and
--   drain(most, done) a relay without a broker: claims at most 500 events of locked
--                    lanes, reads their payloads, notes them as published, commits;
--                    until nothing is left, or most are done
--   fill(n)          n events that were published long ago
-- Commits don't wait for the disk: what differs is the storage.
SET client_min_messages = warning;

CREATE TABLE lanes (lane smallint PRIMARY KEY);
INSERT INTO lanes SELECT generate_series(0, 63);

CREATE SEQUENCE seqs;

CREATE FUNCTION lane_of(aggregate_type text, aggregate_id text) RETURNS smallint
  IMMUTABLE LANGUAGE sql AS $$
  SELECT (get_byte(decode(md5(aggregate_type || ':' || aggregate_id), 'hex'), 0)
          % 64)::smallint
$$;

-- One event of each of n new aggregates, with random ids.
CREATE FUNCTION make_events(n int)
  RETURNS TABLE (event_id uuid, aggregate_type text, aggregate_id text,
                 sequence bigint, event_type text, payload json)
  LANGUAGE sql AS $$
  SELECT gen_random_uuid(), 'order', gen_random_uuid()::text, 1, 'order.placed.v1',
         json_build_object('number', i, 'text', repeat(md5(i::text || random()::text), 12))
    FROM generate_series(1, n) i
$$;

-- A producer: n events, per of them in each transaction.
CREATE PROCEDURE emit(n int, per int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..n / per LOOP
    INSERT INTO events (event_id, aggregate_type, aggregate_id, sequence, event_type, payload)
      SELECT * FROM make_events(per);
    COMMIT;
  END LOOP;
END $$;
