-- Trips: what was asked for, and how it ended.
CREATE TABLE trips (
  trip_id  uuid PRIMARY KEY,
  status   text NOT NULL DEFAULT 'REQUESTED' CHECK (status IN ('REQUESTED', 'BOOKED', 'FAILED')),
  -- As it was requested, and as each event carries it on: never changed.
  trip     json NOT NULL,
  cause    json,
  sequence bigint NOT NULL DEFAULT 1,
  ended_by uuid,
  CHECK ((ended_by IS NULL) = (status = 'REQUESTED'))
) WITH (fillfactor = 80);

-- A trip begins: the row and its event in one transaction. The id is the caller's;
-- the same one again changes nothing.
CREATE FUNCTION request_trip(id uuid, traveller text, flight text, hotel text, car text) RETURNS void
LANGUAGE sql AS $$
  WITH added AS (
    INSERT INTO trips (trip_id, trip)
    SELECT id, json_build_object('trip_id', id, 'traveller', traveller, 'flight', flight, 'hotel', hotel, 'car', car)
    ON CONFLICT (trip_id) DO NOTHING RETURNING *)
  INSERT INTO outbox_events (aggregate_type, aggregate_id, sequence, event_type, payload, correlation_id)
  SELECT 'trip', trip_id, sequence, 'trip.requested.v1', json_build_object('trip', trip), trip_id FROM added;
$$;

-- The traveller does not want it any more. Asked again, it asks the steps again,
-- which repeat their answers: that brings a trip to its end whose event was lost.
-- False: the trip has ended, or there is none.
CREATE FUNCTION cancel_trip(id uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  t trips;
BEGIN
  UPDATE trips SET sequence = sequence + 1 WHERE trip_id = id AND status = 'REQUESTED' RETURNING * INTO t;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO outbox_events (aggregate_type, aggregate_id, sequence, event_type, payload, correlation_id)
  VALUES ('trip', id, t.sequence, 'trip.cancel_requested.v1',
          json_build_object('trip', t.trip, 'cause', json_build_object(
            'code', 'CANCELLED', 'detail', 'the traveller does not want it any more')), id);
  RETURN true;
END $$;

-- The ends of a batch's trips: REQUESTED → the status that moves says. Answers it,
-- with the sequence of the event to emit; UNCHANGED when it had that status before;
-- or CONFLICT. causes are those of a failure; else NULL.
CREATE FUNCTION end_trips(ords int[], event_ids uuid[], trip_ids uuid[], moves text[], causes json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM trips WHERE trip_id = ANY (trip_ids) ORDER BY trip_id FOR UPDATE;

  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, trip_ids, moves, causes) AS a (ord, event_id, trip_id, move, cause)),
    ended AS (
      UPDATE trips t SET status = a.move, cause = a.cause, ended_by = a.event_id, sequence = t.sequence + 1
      FROM asked a WHERE t.trip_id = a.trip_id AND t.status = 'REQUESTED'
      RETURNING a.ord, t.sequence)
    SELECT a.ord,
           CASE WHEN e.ord IS NOT NULL THEN a.move
                WHEN t.status = a.move THEN 'UNCHANGED'
                ELSE 'CONFLICT' END,
           e.sequence,
           CASE WHEN a.cause IS NOT NULL THEN json_build_object('cause', a.cause) END
    FROM asked a LEFT JOIN trips t USING (trip_id) LEFT JOIN ended e USING (ord);
END $$;

GRANT SELECT, INSERT, UPDATE ON trips TO trips;

GRANT INSERT, SELECT ON outbox_events TO trips;
GRANT USAGE ON SEQUENCE outbox_events_seq TO trips;
GRANT INSERT, SELECT ON outbox_deliveries TO trips;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO trips;
GRANT INSERT, SELECT, DELETE ON inbox TO trips;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO trips;
SELECT outbox_grant_relay('relay');
