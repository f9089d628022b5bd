-- Orders, and this service's own replicas of customers and products.
CREATE TABLE customers (
  customer_id uuid PRIMARY KEY,
  name        text NOT NULL,
  email       text NOT NULL
);

CREATE TABLE products (
  sku         text PRIMARY KEY,
  name        text NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  currency    text NOT NULL,
  version     bigint NOT NULL
);

CREATE TABLE orders (
  order_id            uuid PRIMARY KEY,
  customer_id         uuid NOT NULL,
  status              text NOT NULL DEFAULT 'PENDING'
                      CHECK (status IN ('PENDING', 'CONFIRMED', 'REJECTED', 'CANCELLED')),
  currency            text NOT NULL,
  total_minor         bigint NOT NULL CHECK (total_minor >= 0),
  -- As it was placed, and as each event carries it on: never changed.
  snapshot            json NOT NULL,
  cause               json,
  shipment            json,
  cancel_requested_at timestamptz,
  cancel_refused      boolean NOT NULL DEFAULT false,
  sequence            bigint NOT NULL DEFAULT 1,
  version             bigint NOT NULL DEFAULT 1,
  placed_at           timestamptz NOT NULL,
  -- Pending past this, its cancellation is requested, and again while it stays so.
  deadline_at         timestamptz NOT NULL,
  ended_by            uuid,
  updated_at          timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 80);

CREATE INDEX orders_by_customer ON orders (customer_id, order_id DESC);
CREATE INDEX orders_overdue ON orders (deadline_at) WHERE status = 'PENDING';

GRANT SELECT, INSERT, UPDATE ON customers, products, orders TO orders;

GRANT INSERT, SELECT ON outbox_events TO orders;
GRANT USAGE ON SEQUENCE outbox_events_seq TO orders;
GRANT INSERT, SELECT ON outbox_deliveries TO orders;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO orders;
GRANT INSERT, SELECT, DELETE ON inbox TO orders;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO orders;
SELECT outbox_grant_relay('relay');
