CREATE TABLE customers (
  customer_id   uuid PRIMARY KEY,
  name          text NOT NULL,
  email         text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT ON customers TO customers;

GRANT INSERT, SELECT ON outbox_events TO customers;
GRANT USAGE ON SEQUENCE outbox_events_seq TO customers;
GRANT INSERT, SELECT ON outbox_deliveries TO customers;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO customers;
GRANT INSERT, SELECT, DELETE ON inbox TO customers;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO customers;
SELECT outbox_grant_relay('relay');
