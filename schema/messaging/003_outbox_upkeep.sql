-- For people who look at an outbox and keep it: what is waiting, what is parked,
-- when an event was published, and how old days go.

-- Each lane's cursor. The lanes are written out: the planner takes a small table
-- without statistics for a large one, and then compiles the whole (JIT) for
-- seconds.
CREATE VIEW outbox_cursors AS
  SELECT c.* FROM generate_series(0, 7) AS l (lane) CROSS JOIN LATERAL (
    SELECT b.* FROM outbox_batches b WHERE b.lane = l.lane::smallint
    ORDER BY b.number DESC LIMIT 1) c;

-- Events that are not published: those that no cursor has passed, and those that
-- are held.
CREATE VIEW outbox_unpublished AS
  SELECT e.seq, e.event_id, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
         e.created_at, e.lane, e.slot, 0 AS attempts,
         NULL::timestamptz AS retry_at, NULL::timestamptz AS parked_at, NULL::text AS reason
    FROM outbox_cursors c CROSS JOIN LATERAL (
      SELECT n.* FROM outbox_events n
        WHERE n.lane = c.lane AND n.xid >= pg_snapshot_xmax(c.done)
      UNION ALL
      SELECT n.* FROM pg_snapshot_xip(c.done) AS x(xid) JOIN outbox_events n
        ON n.lane = c.lane AND n.xid = x.xid) AS e
      WHERE c.part_xid IS NULL OR e.xid <> c.part_xid OR e.seq > c.part_seq
  UNION ALL
  SELECT e.seq, e.event_id, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
         e.created_at, e.lane, e.slot, h.attempts, h.retry_at, h.parked_at, h.reason
    FROM outbox_held h JOIN outbox_events e
      ON e.slot = h.slot AND e.lane = h.lane AND e.xid = h.xid AND e.seq = h.seq;

-- What the broker would not take, event or delivery, until somebody decides.
CREATE VIEW outbox_parked AS
  SELECT 'event' AS kind, u.seq AS id, u.event_id, u.event_type AS name,
         u.aggregate_type || ':' || u.aggregate_id AS belongs_to,
         u.attempts, u.parked_at, u.reason
    FROM outbox_unpublished u WHERE u.parked_at IS NOT NULL
  UNION ALL
  SELECT 'delivery', d.id, d.event_id, d.routing_key, d.queue, d.attempts, d.parked_at, d.reason
    FROM outbox_deliveries d WHERE d.published_at IS NULL AND d.parked_at IS NOT NULL;

-- Events that were given up, and why. Their rows stay in outbox_events as long as
-- any other.
CREATE TABLE outbox_discarded (
  seq          bigint PRIMARY KEY,
  event_id     uuid NOT NULL,
  attempts     int NOT NULL,
  reason       text,
  why          text NOT NULL,
  who          text NOT NULL DEFAULT current_user,
  discarded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Wakes a sleeping relay, as an insert does.
CREATE FUNCTION outbox_knock() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock_shared(8617204431) THEN
    PERFORM pg_notify('outbox_wake', '');
  END IF;
END $$;

-- A parked event or delivery is tried again, from its first attempt on. False:
-- there is no such parked row.
CREATE FUNCTION outbox_retry(kind text, id bigint) RETURNS boolean LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
  IF kind = 'event' THEN
    UPDATE outbox_held h SET parked_at = NULL, attempts = 0, retry_at = clock_timestamp()
      WHERE h.seq = id AND h.parked_at IS NOT NULL;
  ELSIF kind = 'delivery' THEN
    UPDATE outbox_deliveries d SET parked_at = NULL, attempts = 0, due_at = clock_timestamp()
      WHERE d.id = outbox_retry.id AND d.published_at IS NULL AND d.parked_at IS NOT NULL;
  ELSE
    RAISE EXCEPTION 'kind is event or delivery, not %', kind USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM outbox_knock();
  RETURN true;
END $$;

-- A parked event or delivery is given up; the next event of the aggregate goes
-- on. why: for those who ask later. False: there is no such parked row. An
-- event's lane stands still until the transaction ends.
CREATE FUNCTION outbox_discard(kind text, id bigint, why text) RETURNS boolean LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
  gone outbox_held;
BEGIN
  IF coalesce(why, '') = '' THEN
    RAISE EXCEPTION 'say why it is discarded' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF kind = 'event' THEN
    -- Else a batch in hand could hold the next event behind this one, unseen
    -- from here, and it would wait for ever. For the same reason each statement
    -- needs a snapshot of its own.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'outbox_discard needs the isolation level read committed'
        USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM FROM outbox_lanes l
      WHERE l.lane = (SELECT h.lane FROM outbox_held h WHERE h.seq = id) FOR UPDATE;
    DELETE FROM outbox_held h WHERE h.seq = id AND h.parked_at IS NOT NULL RETURNING * INTO gone;
    IF NOT FOUND THEN
      RETURN false;
    END IF;
    INSERT INTO outbox_discarded (seq, event_id, attempts, reason, why)
      SELECT gone.seq, e.event_id, gone.attempts, gone.reason, why FROM outbox_events e
      WHERE e.slot = gone.slot AND e.lane = gone.lane AND e.xid = gone.xid AND e.seq = gone.seq;
    UPDATE outbox_held h SET retry_at = clock_timestamp()
      WHERE h.retry_at IS NULL AND h.parked_at IS NULL AND h.seq = (
        SELECT f.seq FROM outbox_held f
        WHERE f.aggregate_type = gone.aggregate_type AND f.aggregate_id = gone.aggregate_id
        ORDER BY f.sequence LIMIT 1);
    PERFORM outbox_knock();
    RETURN true;
  ELSIF kind = 'delivery' THEN
    UPDATE outbox_deliveries d SET published_at = clock_timestamp(),
        reason = format('discarded by %s: %s; it was parked for: %s', current_user, why, d.reason)
      WHERE d.id = outbox_discard.id AND d.published_at IS NULL AND d.parked_at IS NOT NULL;
    RETURN FOUND;
  END IF;
  RAISE EXCEPTION 'kind is event or delivery, not %', kind USING ERRCODE = 'invalid_parameter_value';
END $$;

-- Gives back the days that are older than keep_days, by truncating their
-- partitions. A day on which something is still unpublished stays, and so does one
-- that somebody reads just now: this never waits long for a lock. The relay calls
-- it whenever it counts. Returns how many days were given back.
CREATE FUNCTION outbox_expire(keep_days int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET lock_timeout = '100ms' AS $$
DECLARE
  old smallint;
  is_empty boolean;
  n int := 0;
BEGIN
  IF coalesce(keep_days, 0) NOT BETWEEN 1 AND 13 THEN
    RAISE EXCEPTION 'keep_days is 1 to 13, not %', keep_days USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT pg_try_advisory_xact_lock(8617204432) THEN
    RETURN 0;
  END IF;
  FOR old IN
    SELECT generate_series(0, 15) EXCEPT
    SELECT outbox_slot(now() + day * interval '24 hours') FROM generate_series(-keep_days, 1) AS day
  LOOP
    EXECUTE format('SELECT NOT EXISTS (SELECT FROM outbox_events_%1$s)
                    AND NOT EXISTS (SELECT FROM outbox_batches_%1$s)', old) INTO is_empty;
    CONTINUE WHEN is_empty;
    BEGIN
      EXECUTE format('LOCK TABLE outbox_events_%1$s, outbox_batches_%1$s IN ACCESS EXCLUSIVE MODE', old);
    EXCEPTION WHEN lock_not_available THEN
      CONTINUE;
    END;
    CONTINUE WHEN EXISTS (SELECT FROM outbox_unpublished u WHERE u.slot = old)
               OR EXISTS (SELECT FROM outbox_cursors c WHERE c.slot = old);
    EXECUTE format('TRUNCATE outbox_events_%1$s, outbox_batches_%1$s', old);
    n := n + 1;
  END LOOP;
  RETURN n;
END $$;
REVOKE ALL ON FUNCTION outbox_expire(int) FROM PUBLIC;

-- Deletes published deliveries and discarded events that are older than keep_days,
-- 10,000 of each at most. The relay calls this whenever it counts. Returns how many
-- deliveries were deleted.
CREATE FUNCTION outbox_forget(keep_days int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  n int;
BEGIN
  IF coalesce(keep_days, 0) < 1 THEN
    RAISE EXCEPTION 'keep_days is 1 at least, not %', keep_days USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM outbox_discarded g USING (
    SELECT d.seq FROM outbox_discarded d
    WHERE d.discarded_at < now() - keep_days * interval '24 hours' LIMIT 10000) old
    WHERE g.seq = old.seq;
  DELETE FROM outbox_deliveries g USING (
    SELECT d.id FROM outbox_deliveries d
    WHERE d.published_at < now() - keep_days * interval '24 hours'
    ORDER BY d.published_at LIMIT 10000 FOR UPDATE SKIP LOCKED) old
    WHERE g.id = old.id;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;
REVOKE ALL ON FUNCTION outbox_forget(int) FROM PUBLIC;

-- Both run with their owner's rights: no temporary table of the caller's may take a
-- name in them.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION outbox_expire(int) SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION outbox_forget(int) SET search_path = %I, pg_temp', current_schema());
END $$;

-- After a dump was restored into another cluster, whose transaction ids are not
-- those of the rows, with no relay running. What was inserted since then is known
-- by its time.
-- What was not published, parked or not, is inserted again and will be; what was,
-- is forgotten here (it is in the dump). Returns how many events are to be published.
CREATE FUNCTION outbox_rebase() RETURNS bigint LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
  n bigint;
BEGIN
  LOCK TABLE outbox_events, outbox_batches, outbox_held IN ACCESS EXCLUSIVE MODE;
  CREATE TEMPORARY TABLE outbox_rebased ON COMMIT DROP AS
    SELECT e.* FROM outbox_events e
    WHERE (e.slot, e.seq) IN (SELECT u.slot, u.seq FROM outbox_unpublished u)
       OR e.created_at > (SELECT max(b.confirmed_at) FROM outbox_batches b);
  TRUNCATE outbox_events, outbox_batches, outbox_held;
  INSERT INTO outbox_events (seq, event_id, aggregate_type, aggregate_id, sequence, event_type, payload,
      correlation_id, causation_id, traceparent, exchange, routing_key, headers, created_at)
    SELECT seq, event_id, aggregate_type, aggregate_id, sequence, event_type, payload,
      correlation_id, causation_id, traceparent, exchange, routing_key, headers, created_at
    FROM outbox_rebased ORDER BY seq;
  GET DIAGNOSTICS n = ROW_COUNT;
  INSERT INTO outbox_batches (lane, number, done, since, taken_at, events)
    SELECT lane, 0, '1:1:', now(), now(), 0 FROM outbox_lanes;
  RETURN n;
END $$;
REVOKE ALL ON FUNCTION outbox_rebase() FROM PUBLIC;

-- What a role needs to run the relay, and no more.
CREATE FUNCTION outbox_grant_relay(relay name) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
  EXECUTE format('GRANT SELECT ON outbox_events, outbox_cursors, outbox_unpublished TO %I', relay);
  EXECUTE format('GRANT SELECT, INSERT ON outbox_batches TO %I', relay);
  -- It names a day's partitions where one is enough.
  FOR slot IN 0..15 LOOP
    EXECUTE format('GRANT SELECT ON outbox_events_%s TO %I', slot, relay);
    EXECUTE format('GRANT SELECT, INSERT ON outbox_batches_%s TO %I', slot, relay);
  END LOOP;
  EXECUTE format('GRANT SELECT, UPDATE ON outbox_lanes, outbox_deliveries TO %I', relay);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_held TO %I', relay);
  EXECUTE format('GRANT EXECUTE ON FUNCTION outbox_expire(int), outbox_forget(int) TO %I', relay);
END $$;
