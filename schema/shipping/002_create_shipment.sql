-- payment.captured: ship, unless the address can't be reached or a cancellation
-- came first. Answers CREATED, FAILED or VOIDED; asked again, the same again.
CREATE FUNCTION create_shipment(ords int[], event_ids uuid[], order_ids uuid[], countries text[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH wanted AS (
      SELECT ord, event_id, order_id, country = 'ZZ' AS is_unreachable, gen_random_uuid() AS shipment_id
      FROM unnest(ords, event_ids, order_ids, countries) AS a (ord, event_id, order_id, country)),
    decided AS (
      INSERT INTO shipments AS s
        (order_id, shipment_id, status, tracking_number, carrier, cause, decided_by)
      SELECT order_id, shipment_id,
             CASE WHEN is_unreachable THEN 'FAILED' ELSE 'CREATED' END,
             CASE WHEN NOT is_unreachable
                  THEN 'WB' || upper(left(replace(shipment_id::text, '-', ''), 14)) END,
             CASE WHEN NOT is_unreachable THEN 'Waybill Post' END,
             CASE WHEN is_unreachable THEN json_build_object(
               'code', 'UNDELIVERABLE', 'step', 'shipping',
               'detail', 'no carrier delivers to country ZZ') END,
             event_id
      FROM wanted ORDER BY order_id
      ON CONFLICT (order_id) DO UPDATE SET sequence = s.sequence + 1
      RETURNING s.*)
    SELECT w.ord, d.status, d.sequence,
           CASE WHEN d.status = 'CREATED' THEN json_build_object('shipment', shipment_json(d.shipment_id, d.tracking_number, d.carrier))
                ELSE json_build_object('cause', d.cause) END
    FROM decided d JOIN wanted w USING (order_id);
END $$;
