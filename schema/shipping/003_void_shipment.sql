-- order.cancel_requested: VOIDED if nothing was shipped (a tombstone, so that a
-- payment that is captured later finds it); CREATED is refused; FAILED counts as
-- voided, never as refused: else an order whose shipment.failed was lost would be
-- stranded. Asked again, the same answer again.
CREATE FUNCTION void_shipment(ords int[], event_ids uuid[], order_ids uuid[], causes json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, order_ids, causes) AS a (ord, event_id, order_id, cause)),
    decided AS (
      INSERT INTO shipments AS s (order_id, status, cause, decided_by)
      SELECT order_id, 'VOIDED', cause, event_id FROM asked ORDER BY order_id
      ON CONFLICT (order_id) DO UPDATE SET sequence = s.sequence + 1
      RETURNING s.*)
    SELECT a.ord, d.status, d.sequence,
           CASE WHEN d.status = 'CREATED'
                THEN json_build_object('cause', a.cause, 'shipment', shipment_json(d.shipment_id, d.tracking_number, d.carrier))
                ELSE json_build_object('cause', d.cause) END
    FROM decided d JOIN asked a USING (order_id);
END $$;
