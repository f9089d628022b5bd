-- One mail per order and kind. Handlers only record the wish to mail; the mailer
-- hands it to the mail server and records what came of it.
--
--   PENDING → SENT     the mail server has taken it on
--       \──→ FAILED    it was refused for good, or too often
CREATE TABLE mails (
  order_id    uuid NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('CONFIRMED', 'REJECTED', 'CANCELLED')),
  -- The event that asked for it: the mail's Message-ID.
  event_id    uuid NOT NULL UNIQUE,
  customer_id uuid NOT NULL,
  subject     text NOT NULL,
  content     text NOT NULL,
  status      text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SENT', 'FAILED')),
  -- The mailer's: how often it was tried, how many of these tries the server
  -- answered with "not now" (only those count against the limit), and when the
  -- next one is due. A claim moves due_at past the mail's deadline, so that a
  -- crashed mailer's mails come back.
  tries       int NOT NULL DEFAULT 0,
  deferrals   int NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- What the mail server said last.
  answer      text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (order_id, kind)
) WITH (fillfactor = 70);

CREATE INDEX mails_due ON mails (due_at) WHERE status = 'PENDING';

-- This service's own replica.
CREATE TABLE customers (
  customer_id uuid PRIMARY KEY,
  name        text NOT NULL,
  email       text NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON mails TO notifications;
GRANT SELECT, INSERT ON customers TO notifications;

GRANT INSERT, SELECT ON outbox_events TO notifications;
GRANT USAGE ON SEQUENCE outbox_events_seq TO notifications;
GRANT INSERT, SELECT ON outbox_deliveries TO notifications;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO notifications;
GRANT INSERT, SELECT, DELETE ON inbox TO notifications;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO notifications;
SELECT outbox_grant_relay('relay');
