-- The read model of orders: every event of every order, and its latest state.
CREATE TABLE order_events (
  event_id    uuid PRIMARY KEY,
  order_id    uuid NOT NULL,
  source      text NOT NULL,
  type        text NOT NULL,
  sequence    bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  -- The event's data without the order's snapshot: what it says beside it.
  detail      json NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX order_events_by_order ON order_events (order_id, occurred_at, source, sequence);

CREATE TABLE orders (
  order_id    uuid PRIMARY KEY,
  customer_id uuid NOT NULL,
  status      text NOT NULL,
  currency    text NOT NULL,
  total_minor bigint NOT NULL,
  placed_at   timestamptz NOT NULL,
  ended_at    timestamptz
) WITH (fillfactor = 80);
CREATE INDEX orders_by_customer ON orders (customer_id, order_id DESC);

GRANT SELECT, INSERT ON order_events TO history;
GRANT SELECT, INSERT, UPDATE ON orders TO history;

GRANT INSERT, SELECT ON outbox_events TO history;
GRANT USAGE ON SEQUENCE outbox_events_seq TO history;
GRANT INSERT, SELECT ON outbox_deliveries TO history;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO history;
GRANT INSERT, SELECT, DELETE ON inbox TO history;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO history;
SELECT outbox_grant_relay('relay');
