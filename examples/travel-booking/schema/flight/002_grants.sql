GRANT SELECT, INSERT, UPDATE ON reservations TO flight;
GRANT SELECT ON offers TO flight;

GRANT INSERT, SELECT ON outbox_events TO flight;
GRANT USAGE ON SEQUENCE outbox_events_seq TO flight;
GRANT INSERT, SELECT ON outbox_deliveries TO flight;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO flight;
GRANT INSERT, SELECT, DELETE ON inbox TO flight;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO flight;
SELECT outbox_grant_relay('relay');
