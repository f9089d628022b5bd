-- order_events becomes the event log: it keeps what an event said for ever, and
-- everything else here is a projection of it, which can be made anew from its
-- start (docs/decisions/006). seq is the order in which the log is read.
ALTER TABLE order_events
  ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY,
  -- What every event says about its order, and what only order.placed keeps: the
  -- order as it was placed, which all events carry alike.
  ADD COLUMN customer_id uuid,
  ADD COLUMN currency    text,
  ADD COLUMN total_minor bigint,
  ADD COLUMN placed_at   timestamptz,
  ADD COLUMN snapshot    json;
UPDATE order_events e
  SET customer_id = o.customer_id, currency = o.currency, total_minor = o.total_minor, placed_at = o.placed_at
  FROM orders o WHERE o.order_id = e.order_id;
ALTER TABLE order_events
  ALTER COLUMN customer_id SET NOT NULL,
  ALTER COLUMN currency SET NOT NULL,
  ALTER COLUMN total_minor SET NOT NULL,
  ALTER COLUMN placed_at SET NOT NULL;
-- The log is written at its end only, so seq rises with the block. Small ranges,
-- and summed up as soon as they are full, so that a read of a few thousand events
-- touches little else.
CREATE INDEX order_events_by_seq ON order_events USING brin (seq) WITH (pages_per_range = 32, autosummarize = on);
SELECT brin_summarize_new_values('order_events_by_seq');

-- Which generation of the projections is read, and which one is being built.
-- newest: the last number that was given to one.
CREATE TABLE projection (
  is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  serving    int NOT NULL,
  building   int,
  newest     int NOT NULL,
  -- Of building: the log is in it up to read_upto; up to boundary no event can
  -- come any more.
  read_upto  bigint NOT NULL DEFAULT 0,
  boundary   bigint NOT NULL DEFAULT 0,
  started_at timestamptz,
  built_at   timestamptz
);
INSERT INTO projection (serving, newest) VALUES (1, 1);

ALTER TABLE orders ADD COLUMN generation int NOT NULL DEFAULT 1;
ALTER TABLE orders ALTER COLUMN generation DROP DEFAULT;
ALTER TABLE orders DROP CONSTRAINT orders_pkey;
ALTER TABLE orders ADD PRIMARY KEY (generation, order_id);
DROP INDEX orders_by_customer;
CREATE INDEX orders_by_customer ON orders (generation, customer_id, placed_at DESC, order_id DESC);

-- How many orders of a day (UTC) have which status, and their sum. Each session
-- counts in a row of its own (shard), else all processes would queue for the row
-- of today; a reader adds them up. One shard alone may well be below zero.
CREATE TABLE order_totals (
  generation  int NOT NULL,
  day         date NOT NULL,
  status      text NOT NULL,
  currency    text NOT NULL,
  shard       int NOT NULL,
  orders      bigint NOT NULL,
  total_minor numeric NOT NULL,
  PRIMARY KEY (generation, day, status, currency, shard)
) WITH (fillfactor = 50);
INSERT INTO order_totals
  SELECT 1, (placed_at AT TIME ZONE 'UTC')::date, status, currency, 0, count(*), sum(total_minor)
  FROM orders GROUP BY 2, 3, 4;

GRANT SELECT, INSERT, UPDATE ON order_totals TO history;
GRANT SELECT ON projection TO history;
