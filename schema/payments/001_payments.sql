-- One payment per order with a guarded state machine. Handlers only record
-- wishes; the charger calls the provider and records what came of it.
--
--   REQUESTED → ATTEMPTING → CAPTURED → REFUNDING → REFUNDED
--       |           |    \→ DECLINED       ↑
--       ↓           ↓                      |
--     VOIDED ←── VOIDING ──(was captured)──┘
--
-- ATTEMPTING is committed before the provider is called, and a void that finds it
-- waits as VOIDING until the charger knows the outcome: otherwise a crash between
-- the provider's capture and our record would leave a cancelled order charged.
-- VOIDED without a payment is the tombstone of a cancellation that came first.
CREATE TABLE payments (
  order_id           uuid PRIMARY KEY,
  payment_id         uuid NOT NULL DEFAULT gen_random_uuid(),
  status             text NOT NULL CHECK (status IN ('REQUESTED', 'ATTEMPTING', 'CAPTURED', 'DECLINED',
                                                     'VOIDING', 'VOIDED', 'REFUNDING', 'REFUNDED')),
  amount_minor       bigint NOT NULL DEFAULT 0 CHECK (amount_minor >= 0),
  currency           text NOT NULL DEFAULT '',
  method             text NOT NULL DEFAULT '',
  -- The order's snapshot, for the events that the charger emits.
  snapshot           json,
  provider_reference text,
  cause              json,
  sequence           bigint NOT NULL DEFAULT 0,
  -- The charger's: calls so far, and when the next one is due. A claim moves
  -- due_at past the call's deadline, so that a crashed charger's calls come back.
  calls              int NOT NULL DEFAULT 0,
  due_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The event that the latest wish came with.
  caused_by          uuid NOT NULL,
  traceparent        text NOT NULL DEFAULT '',
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);

CREATE INDEX payments_wishes ON payments (due_at)
  WHERE status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING');

GRANT SELECT, INSERT, UPDATE ON payments TO payments;

-- What an event says beside the order.
CREATE FUNCTION payment_json(payment_id uuid, amount_minor bigint, currency text, provider_reference text)
RETURNS json LANGUAGE sql IMMUTABLE AS $$
  SELECT json_build_object('payment_id', payment_id, 'amount_minor', amount_minor,
                           'currency', currency, 'provider_reference', provider_reference)
$$;

CREATE FUNCTION payment_beside(status text, cause json, payment json) RETURNS json LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE status
    WHEN 'CAPTURED' THEN json_build_object('payment', payment)
    WHEN 'REFUNDED' THEN json_build_object('cause', cause, 'payment', payment)
    ELSE json_build_object('cause', cause)
  END
$$;

GRANT INSERT, SELECT ON outbox_events TO payments;
GRANT USAGE ON SEQUENCE outbox_events_seq TO payments;
GRANT INSERT, SELECT ON outbox_deliveries TO payments;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO payments;
GRANT INSERT, SELECT, DELETE ON inbox TO payments;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO payments;
SELECT outbox_grant_relay('relay');
