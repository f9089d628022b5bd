-- One shipment per order with a guarded state machine: the saga's point of no
-- return. VOIDED is the tombstone of a cancellation that came first.
CREATE TABLE shipments (
  order_id        uuid PRIMARY KEY,
  shipment_id     uuid NOT NULL DEFAULT gen_random_uuid(),
  status          text NOT NULL CHECK (status IN ('CREATED', 'FAILED', 'VOIDED')),
  tracking_number text,
  carrier         text,
  cause           json,
  sequence        bigint NOT NULL DEFAULT 1,
  decided_by      uuid NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((status = 'CREATED') = (tracking_number IS NOT NULL))
) WITH (fillfactor = 80);

GRANT SELECT, INSERT, UPDATE ON shipments TO shipping;

-- What an event says beside the order.
CREATE FUNCTION shipment_json(shipment_id uuid, tracking_number text, carrier text)
RETURNS json LANGUAGE sql IMMUTABLE AS $$
  SELECT json_build_object('shipment_id', shipment_id, 'tracking_number', tracking_number,
                           'carrier', carrier)
$$;

GRANT INSERT, SELECT ON outbox_events TO shipping;
GRANT USAGE ON SEQUENCE outbox_events_seq TO shipping;
GRANT INSERT, SELECT ON outbox_deliveries TO shipping;
GRANT INSERT, SELECT, UPDATE ON outbox_sequences TO shipping;
GRANT INSERT, SELECT, DELETE ON inbox TO shipping;
GRANT INSERT, SELECT, UPDATE, DELETE ON inbox_starts TO shipping;
SELECT outbox_grant_relay('relay');
