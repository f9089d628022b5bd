-- Building the projections anew from the log, while they are read and written:
-- what `waybill history rebuild` calls. Whoever calls, however often and however
-- many at once: each step is one short transaction that goes on where the last one
-- ended, and the log is read into the new generation exactly once.

-- Starts a rebuild, or goes on with the one that is not finished; its generation.
CREATE FUNCTION rebuild_begin() RETURNS int LANGUAGE sql AS $$
  UPDATE projection
    SET building = coalesce(building, newest + 1),
        newest = CASE WHEN building IS NULL THEN newest + 1 ELSE newest END,
        read_upto = CASE WHEN building IS NULL THEN 0 ELSE read_upto END,
        boundary = CASE WHEN building IS NULL THEN 0 ELSE boundary END,
        started_at = CASE WHEN building IS NULL THEN clock_timestamp() ELSE started_at END
    RETURNING building
$$;

-- The events of the log with after < seq <= upto.
CREATE FUNCTION project_log(gen int, after bigint, upto bigint) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
  PERFORM project(gen, array_agg(order_id), array_agg(type), array_agg(occurred_at), array_agg(customer_id),
                  array_agg(currency), array_agg(total_minor), array_agg(placed_at))
    FROM order_events WHERE seq > after AND seq <= upto;
END
$$;

-- Reads at most chunk events more. state: BUILDING; SERVING, it is read from now on
-- (or was already); GONE, it was given up.
--
-- What the log holds up to the boundary is committed for good. There, a new
-- boundary is drawn with nobody writing; once no more than a chunk is left behind
-- it, that is read at once, still with nobody writing, and the new generation is
-- read from then on: nothing comes between. lock_timeout: who writes now (or was
-- frozen while it did) must not hold up all others for longer; call again.
CREATE FUNCTION rebuild_step(gen int, chunk int, OUT state text, OUT read_upto bigint, OUT boundary bigint)
LANGUAGE plpgsql AS $$
DECLARE
  p projection;
  upto bigint;
  is_last boolean := false;
BEGIN
  SELECT * INTO p FROM projection FOR UPDATE;
  read_upto := p.read_upto;
  boundary := p.boundary;
  IF p.building IS DISTINCT FROM gen THEN
    state := CASE WHEN p.serving = gen THEN 'SERVING' ELSE 'GONE' END;
    RETURN;
  END IF;
  IF read_upto >= boundary THEN
    PERFORM set_config('lock_timeout', '200ms', true);
    PERFORM pg_advisory_xact_lock(8617204433);
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO boundary FROM order_events_seq_seq;
    is_last := boundary - read_upto <= chunk;
  END IF;
  IF is_last OR read_upto < p.boundary THEN
    upto := least(read_upto + chunk, boundary);
    PERFORM project_log(gen, read_upto, upto);
    read_upto := upto;
  END IF;
  UPDATE projection AS u
    SET read_upto = rebuild_step.read_upto, boundary = rebuild_step.boundary,
        serving = CASE WHEN is_last THEN gen ELSE u.serving END,
        building = CASE WHEN is_last THEN NULL ELSE gen END,
        built_at = CASE WHEN is_last THEN clock_timestamp() ELSE u.built_at END;
  state := CASE WHEN is_last THEN 'SERVING' ELSE 'BUILDING' END;
END
$$;

-- Gives up a rebuild; what it has made is for rebuild_clean. False: there is none.
CREATE FUNCTION rebuild_cancel() RETURNS boolean LANGUAGE sql AS $$
  WITH gone AS (UPDATE projection SET building = NULL WHERE building IS NOT NULL RETURNING 1)
  SELECT EXISTS (SELECT FROM gone)
$$;

-- Removes at most chunk rows of generations that are neither read nor built; how
-- many it were.
CREATE FUNCTION rebuild_clean(chunk int) RETURNS bigint LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  old int;
  n bigint := 0;
BEGIN
  -- Nobody begins or ends one meanwhile.
  PERFORM FROM projection FOR UPDATE;
  FOR old IN SELECT g FROM projection, generate_series(1, newest) g WHERE g <> serving AND g IS DISTINCT FROM building
  LOOP
    DELETE FROM order_totals WHERE generation = old;
    DELETE FROM orders WHERE generation = old AND order_id = ANY (
      ARRAY(SELECT order_id FROM orders WHERE generation = old ORDER BY order_id LIMIT chunk));
    GET DIAGNOSTICS n = ROW_COUNT;
    EXIT WHEN n > 0;
  END LOOP;
  RETURN n;
END
$$;
