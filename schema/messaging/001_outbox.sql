-- The transactional outbox: the same tables in the database of every service,
-- and in that of anyone who only uses the relay.
--
-- Events are only ever inserted. What has been published is not marked in their
-- rows: each lane has a cursor, which is itself a new row for every batch. So
-- nothing here leaves dead rows behind, however much is published and however
-- long some transaction is held open.

-- Both tables are a ring of 16 days, so that a day is given back by truncating
-- one partition (see outbox_expire). The partitions are there from the start:
-- no insert can fail for want of one.
CREATE FUNCTION outbox_slot(at timestamptz) RETURNS smallint
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (floor(extract(epoch FROM at) / 86400)::bigint % 16)::smallint;

CREATE SEQUENCE outbox_events_seq;

-- Facts for an exchange, ordered per aggregate. A producer inserts at least
-- aggregate_type, aggregate_id, event_type and payload, in the transaction that
-- changed the aggregate; everything else has a default.
CREATE TABLE outbox_events (
  seq            bigint NOT NULL DEFAULT nextval('outbox_events_seq'),
  event_id       uuid NOT NULL DEFAULT gen_random_uuid(),
  aggregate_type text NOT NULL CHECK (aggregate_type <> ''),
  aggregate_id   text NOT NULL CHECK (aggregate_id <> ''),
  -- Gap-free from 1 per aggregate. Left NULL, the trigger below draws it.
  sequence       bigint NOT NULL CHECK (sequence > 0),
  event_type     text NOT NULL CHECK (octet_length(event_type) BETWEEN 1 AND 255),
  payload        json NOT NULL,
  correlation_id text,
  causation_id   uuid,
  traceparent    text,
  -- Where it goes, if not to the relay's exchange with its type as the key.
  exchange       text CHECK (octet_length(exchange) BETWEEN 1 AND 127),
  routing_key    text CHECK (octet_length(routing_key) <= 255),
  -- AMQP headers: text and integer values only.
  headers        json CHECK (json_typeof(headers) = 'object'),
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
                 CHECK (isfinite(created_at)),
  -- The rest is the relay's; producers leave it alone.
  -- A published formula, not a hash function that may change with the server's
  -- version.
  lane           smallint NOT NULL GENERATED ALWAYS AS
                 ((get_byte(decode(md5(aggregate_type || ':' || aggregate_id), 'hex'), 0) % 8)::smallint) STORED,
  xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
  slot           smallint NOT NULL DEFAULT outbox_slot(clock_timestamp()),
  UNIQUE (aggregate_type, aggregate_id, sequence, slot)
) PARTITION BY LIST (slot);

-- What each transaction has added to a lane, in order.
CREATE INDEX outbox_events_lane ON outbox_events (lane, xid, seq);

-- A batch locks lanes, not events: two relays never have events of one
-- aggregate in hand.
CREATE TABLE outbox_lanes (
  lane smallint PRIMARY KEY
);
INSERT INTO outbox_lanes SELECT generate_series(0, 7);

-- How far a lane is: the newest row (largest number) is its cursor.
CREATE TABLE outbox_batches (
  lane         smallint NOT NULL,
  number       bigint NOT NULL,
  -- Events of transactions that this snapshot sees are published or in
  -- outbox_held; of transaction part_xid also those up to part_seq.
  done         pg_snapshot NOT NULL,
  part_xid     xid8,
  part_seq     bigint,
  -- No event that is not done yet was inserted before this time.
  since        timestamptz NOT NULL,
  taken_at     timestamptz NOT NULL,
  events       int NOT NULL,
  confirmed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  slot         smallint NOT NULL DEFAULT outbox_slot(clock_timestamp()),
  PRIMARY KEY (lane, number, slot)
) PARTITION BY LIST (slot);

DO $$
BEGIN
  FOR slot IN 0..15 LOOP
    EXECUTE format('CREATE TABLE outbox_events_%1$s PARTITION OF outbox_events FOR VALUES IN (%1$s)', slot);
    EXECUTE format('CREATE TABLE outbox_batches_%1$s PARTITION OF outbox_batches FOR VALUES IN (%1$s)', slot);
  END LOOP;
END $$;

INSERT INTO outbox_batches (lane, number, done, since, taken_at, events)
  SELECT lane, 0, '1:1:', now(), now(), 0 FROM outbox_lanes;

-- The few events that a cursor has passed and that are not published: refused
-- by the broker and to be tried again at retry_at; parked; or waiting for an
-- earlier one of their aggregate that is (retry_at and parked_at are NULL).
CREATE TABLE outbox_held (
  seq            bigint PRIMARY KEY,
  slot           smallint NOT NULL,
  lane           smallint NOT NULL,
  xid            xid8 NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   text NOT NULL,
  sequence       bigint NOT NULL,
  created_at     timestamptz NOT NULL,
  attempts       int NOT NULL DEFAULT 0,
  retry_at       timestamptz,
  parked_at      timestamptz,
  reason         text,
  CHECK (retry_at IS NULL OR parked_at IS NULL)
);
CREATE INDEX outbox_held_aggregate ON outbox_held (aggregate_type, aggregate_id, sequence);
CREATE INDEX outbox_held_retry ON outbox_held (lane, retry_at) WHERE retry_at IS NOT NULL;

-- The counter for producers that do not keep a sequence of their own.
CREATE TABLE outbox_sequences (
  aggregate_type text NOT NULL,
  aggregate_id   text NOT NULL,
  sequence       bigint NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id)
);

-- Draws sequence under a lock on the aggregate's counter, and only then seq: a
-- column default would have been evaluated before the lock, and two transactions
-- on one aggregate could then commit in the other order.
CREATE FUNCTION outbox_draw_sequence() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO outbox_sequences AS s VALUES (NEW.aggregate_type, NEW.aggregate_id, 1)
    ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET sequence = s.sequence + 1
    RETURNING s.sequence INTO NEW.sequence;
  NEW.seq := nextval('outbox_events_seq');
  RETURN NEW;
END $$;

CREATE TRIGGER outbox_draw_sequence BEFORE INSERT ON outbox_events
  FOR EACH ROW WHEN (NEW.sequence IS NULL) EXECUTE FUNCTION outbox_draw_sequence();

-- Messages for one queue at a due time, unordered: retries, dead letters,
-- scheduled messages. body is bytea so that even invalid UTF-8 survives.
CREATE TABLE outbox_deliveries (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer     text NOT NULL,
  queue        text NOT NULL CHECK (octet_length(queue) BETWEEN 1 AND 255),
  routing_key  text NOT NULL,
  event_id     uuid NOT NULL,
  replay       text NOT NULL DEFAULT '',
  attempt      int NOT NULL,
  content_type text NOT NULL,
  -- Text and integer values only.
  headers      json NOT NULL DEFAULT '{}' CHECK (json_typeof(headers) = 'object'),
  body         bytea NOT NULL,
  due_at       timestamptz NOT NULL DEFAULT clock_timestamp()
               CHECK (due_at >= timestamptz 'epoch'),
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
               CHECK (isfinite(created_at)),
  published_at timestamptz,
  attempts     int NOT NULL DEFAULT 0,
  parked_at    timestamptz,
  reason       text,
  -- Folds the second one that an unknown commit would create.
  UNIQUE (consumer, event_id, replay, attempt)
);

CREATE INDEX outbox_deliveries_due ON outbox_deliveries (due_at)
  WHERE published_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_deliveries_parked ON outbox_deliveries (parked_at)
  WHERE published_at IS NULL AND parked_at IS NOT NULL;
CREATE INDEX outbox_deliveries_published ON outbox_deliveries (published_at)
  WHERE published_at IS NOT NULL;

ALTER TABLE outbox_deliveries SET (
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0
);

-- Gated wake-up: a sleeping relay holds this advisory lock exclusively, so that
-- only a commit that finds a sleeper pays for a NOTIFY (which serialises the
-- commits of the whole cluster).
CREATE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock_shared(8617204431) THEN
    PERFORM pg_notify('outbox_wake', '');
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER outbox_wake AFTER INSERT ON outbox_events
  FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake();
CREATE TRIGGER outbox_wake AFTER INSERT ON outbox_deliveries
  FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake();
