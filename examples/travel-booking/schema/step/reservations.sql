-- One step of a trip: the same for flight, hotel and car, each in a database of its
-- own. What can be booked; a partner that does not answer just now decides nothing.
CREATE TABLE offers (
  code         text PRIMARY KEY,
  is_answering boolean NOT NULL DEFAULT true
);

-- One row per trip with a guarded state machine: BOOKED → RELEASED; REFUSED. Both
-- of these can come first, too: RELEASED without a code is the tombstone of a
-- compensation that overtook what it undoes.
CREATE TABLE reservations (
  trip_id     uuid PRIMARY KEY,
  status      text NOT NULL CHECK (status IN ('BOOKED', 'REFUSED', 'RELEASED')),
  code        text,
  cause       json,
  sequence    bigint NOT NULL DEFAULT 1,
  decided_by  uuid NOT NULL,
  booked_at   timestamptz,
  released_at timestamptz,
  CHECK ((booked_at IS NOT NULL) = (code IS NOT NULL AND status <> 'REFUSED')),
  CHECK ((released_at IS NOT NULL) = (status = 'RELEASED'))
) WITH (fillfactor = 80);

-- What the events of a batch mean for its reservations: one call for all of them, so
-- that a batch locks its rows in one pass.
--
--   move     what it does
--   BOOK     books what codes says, or refuses what is not offered
--   RELEASE  gives back what is booked; with nothing booked, leaves a tombstone
--   CANCEL   with nothing booked, refuses what may come; else nothing
--
-- Answers BOOKED, REFUSED or RELEASED, what it is now; asked again, the same again,
-- so that no lost event strands a trip. NOT_ANSWERING: the partner must be asked
-- again later, and nothing has changed.
--
-- codes are those of a BOOK, causes those of a RELEASE or CANCEL; else NULL.
CREATE FUNCTION move_reservations(ords int[], event_ids uuid[], trip_ids uuid[], moves text[], codes text[],
                                  causes json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT a.*, coalesce(o.is_answering, true) AS is_answering,
             CASE WHEN move = 'RELEASE' THEN 'RELEASED'
                  WHEN move = 'BOOK' AND o.code IS NOT NULL THEN 'BOOKED'
                  ELSE 'REFUSED' END AS wanted
      FROM unnest(ords, event_ids, trip_ids, moves, codes, causes)
             AS a (ord, event_id, trip_id, move, code, cause)
           LEFT JOIN offers o ON o.code = a.code),
    decided AS (
      INSERT INTO reservations AS r (trip_id, status, code, cause, decided_by, booked_at, released_at)
      SELECT trip_id, wanted, code,
             CASE WHEN move = 'BOOK' AND wanted = 'REFUSED'
                  THEN json_build_object('code', 'NOT_OFFERED', 'detail', format('nobody offers %s', code))
                  ELSE cause END,
             event_id,
             CASE wanted WHEN 'BOOKED' THEN clock_timestamp() END,
             CASE wanted WHEN 'RELEASED' THEN clock_timestamp() END
      FROM asked WHERE is_answering
      ORDER BY trip_id
      ON CONFLICT (trip_id) DO UPDATE SET
        sequence = r.sequence + 1,
        status = CASE WHEN r.status = 'BOOKED' AND excluded.status = 'RELEASED'
                      THEN excluded.status ELSE r.status END,
        cause = CASE WHEN r.status = 'BOOKED' AND excluded.status = 'RELEASED'
                     THEN excluded.cause ELSE r.cause END,
        released_at = CASE WHEN r.status = 'BOOKED' AND excluded.status = 'RELEASED'
                           THEN excluded.released_at ELSE r.released_at END
      WHERE NOT (r.status = 'BOOKED' AND excluded.status = 'RELEASED'
                 AND EXISTS (SELECT FROM offers o WHERE o.code = r.code AND NOT o.is_answering))
      RETURNING r.*)
    SELECT a.ord, coalesce(d.status, 'NOT_ANSWERING'), d.sequence,
           CASE d.status WHEN 'BOOKED' THEN json_build_object('reservation', json_build_object('code', d.code))
                         WHEN 'REFUSED' THEN json_build_object('cause', d.cause)
                         WHEN 'RELEASED' THEN json_build_object('cause', d.cause) END
    FROM asked a LEFT JOIN decided d USING (trip_id);
END $$;
