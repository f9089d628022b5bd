GRANT SELECT, INSERT, UPDATE ON reservations TO hotel;
GRANT SELECT ON offers TO hotel;

GRANT INSERT, SELECT ON outbox_events TO hotel;
GRANT USAGE ON SEQUENCE outbox_events_seq TO hotel;
GRANT INSERT, SELECT ON outbox_deliveries TO hotel;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO hotel;
GRANT INSERT, SELECT, DELETE ON inbox TO hotel;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO hotel;
SELECT outbox_grant_relay('relay');
