-- Stock per SKU, and one reservation per order with a guarded state machine.

CREATE TABLE stock (
  sku      text PRIMARY KEY,
  received bigint NOT NULL DEFAULT 0,
  on_hand  bigint NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
  reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  shipped  bigint NOT NULL DEFAULT 0 CHECK (shipped >= 0),
  CHECK (received = on_hand + reserved + shipped)
) WITH (fillfactor = 50);

-- The ledger of receipts: one row per stock.received event.
CREATE TABLE stock_receipts (
  event_id    uuid PRIMARY KEY,
  sku         text NOT NULL REFERENCES stock,
  quantity    bigint NOT NULL CHECK (quantity > 0),
  received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- RESERVED → SHIPPED | RELEASED; REJECTED. RELEASED without lines is a
-- tombstone: the release came before the order did. The event that decided each
-- step is kept: at most one of each per order.
CREATE TABLE reservations (
  order_id    uuid PRIMARY KEY,
  status      text NOT NULL CHECK (status IN ('RESERVED', 'REJECTED', 'RELEASED', 'SHIPPED')),
  skus        text[] NOT NULL DEFAULT '{}',
  quantities  bigint[] NOT NULL DEFAULT '{}',
  cause       json,
  sequence    bigint NOT NULL DEFAULT 0,
  reserved_by uuid,
  ended_by    uuid,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 80);

GRANT SELECT, INSERT, UPDATE ON stock, reservations TO inventory;
GRANT SELECT, INSERT ON stock_receipts TO inventory;

GRANT INSERT, SELECT ON outbox_events TO inventory;
GRANT USAGE ON SEQUENCE outbox_events_seq TO inventory;
GRANT INSERT, SELECT ON outbox_deliveries TO inventory;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO inventory;
GRANT INSERT, SELECT, DELETE ON inbox TO inventory;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO inventory;
SELECT outbox_grant_relay('relay');
