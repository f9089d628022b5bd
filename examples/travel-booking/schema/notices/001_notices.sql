-- What travellers are told: one notice per trip. A second one would be refused, not
-- hidden: that the same event has no effect twice is the inbox's business.
CREATE TABLE notices (
  trip_id   uuid PRIMARY KEY,
  traveller text NOT NULL,
  words     text NOT NULL
);

CREATE FUNCTION write_notices(ords int[], event_ids uuid[], trip_ids uuid[], travellers text[], words text[])
RETURNS SETOF int LANGUAGE sql AS $$
  INSERT INTO notices (trip_id, traveller, words)
    SELECT * FROM unnest(trip_ids, travellers, words) AS a (trip_id, traveller, words) ORDER BY trip_id;
  SELECT NULL::int WHERE false;
$$;

GRANT SELECT, INSERT ON notices TO notices;

GRANT INSERT, SELECT ON outbox_events TO notices;
GRANT USAGE ON SEQUENCE outbox_events_seq TO notices;
GRANT INSERT, SELECT ON outbox_deliveries TO notices;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO notices;
GRANT INSERT, SELECT, DELETE ON inbox TO notices;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO notices;
SELECT outbox_grant_relay('relay');
