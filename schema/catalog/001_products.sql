-- Products and what came in of them. Stock itself is inventory's.
CREATE TABLE products (
  sku         text PRIMARY KEY,
  name        text NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  currency    text NOT NULL,
  version     bigint NOT NULL DEFAULT 1,
  sequence    bigint NOT NULL DEFAULT 1,
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE receipts (
  receipt_id  uuid PRIMARY KEY,
  sku         text NOT NULL REFERENCES products,
  quantity    bigint NOT NULL CHECK (quantity > 0),
  received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX receipts_by_sku ON receipts (sku);

GRANT SELECT, INSERT, UPDATE ON products TO catalog;
GRANT SELECT, INSERT ON receipts TO catalog;

GRANT INSERT, SELECT ON outbox_events TO catalog;
GRANT USAGE ON SEQUENCE outbox_events_seq TO catalog;
GRANT INSERT, SELECT ON outbox_deliveries TO catalog;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO catalog;
GRANT INSERT, SELECT, DELETE ON inbox TO catalog;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO catalog;
SELECT outbox_grant_relay('relay');
