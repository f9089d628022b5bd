-- Idempotency-Key: what a POST was answered, stored in the transaction of its
-- effect. The databases of all services with such routes have this file, each by a
-- link among its own migrations.

-- A ring of 16 days like the outbox's (see outbox_slot), for the same reason: days
-- that are over go by TRUNCATE, and no row is ever deleted.
CREATE TABLE idempotency_keys (
  -- Who asked what under which key: the first 16 bytes of the SHA-256 of route,
  -- caller and key, each followed by a zero byte.
  id          uuid NOT NULL,
  -- The same of path and body: another payload under the key is told by it.
  fingerprint uuid NOT NULL,
  -- The answer. headers: "Name: value" lines.
  status      int NOT NULL,
  headers     text NOT NULL,
  body        text NOT NULL,
  expires_at  timestamptz NOT NULL,
  slot        int NOT NULL DEFAULT outbox_slot(clock_timestamp()),
  -- One row per id over all days: who inserts holds the advisory lock of the id,
  -- and has looked for it in each day that can still hold it.
  PRIMARY KEY (id, slot)
) PARTITION BY LIST (slot);

DO $$
BEGIN
  FOR slot IN 0..15 LOOP
    EXECUTE format('CREATE TABLE idempotency_keys_%1$s PARTITION OF idempotency_keys FOR VALUES IN (%1$s)', slot);
  END LOOP;
END $$;

-- Gives back the days whose keys are all older than keep_hours. Never waits long for a lock. Returns how many days were given
-- back.
CREATE FUNCTION idempotency_expire(keep_hours bigint) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '100ms' AS $$
DECLARE
  old int;
  is_used boolean;
  n int := 0;
BEGIN
  IF coalesce(keep_hours, 0) NOT BETWEEN 1 AND 144 THEN
    RAISE EXCEPTION 'keep_hours is 1 to 144, not %', keep_hours USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR old IN
    SELECT generate_series(0, 15) EXCEPT
    SELECT outbox_slot(now() + day * interval '24 hours') FROM generate_series(-keep_hours / 24 - 1, 1) AS day
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM idempotency_keys_%s)', old) INTO is_used;
    CONTINUE WHEN NOT is_used;
    BEGIN
      EXECUTE format('TRUNCATE idempotency_keys_%s', old);
      n := n + 1;
    EXCEPTION WHEN lock_not_available THEN
      NULL; -- the next call will
    END;
  END LOOP;
  RETURN n;
END $$;
REVOKE ALL ON FUNCTION idempotency_expire(bigint) FROM PUBLIC;

-- It runs with its owner's rights: no temporary table of the caller's may take a
-- name in it.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION idempotency_expire(bigint) SET search_path = %I, pg_temp', current_schema());
END $$;
