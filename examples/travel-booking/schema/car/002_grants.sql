GRANT SELECT, INSERT, UPDATE ON reservations TO car;
GRANT SELECT ON offers TO car;

GRANT INSERT, SELECT ON outbox_events TO car;
GRANT USAGE ON SEQUENCE outbox_events_seq TO car;
GRANT INSERT, SELECT ON outbox_deliveries TO car;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO car;
GRANT INSERT, SELECT, DELETE ON inbox TO car;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO car;
SELECT outbox_grant_relay('relay');
