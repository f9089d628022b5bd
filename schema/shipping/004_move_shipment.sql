-- What the events of a batch mean for shipments: one call for all of them. It takes
-- the place of create_shipment and void_shipment, which locked their shares of a
-- batch one after the other: two processes then deadlocked whenever one had shipped
-- what the other wanted to void.
--
--   move    event                   what it does
--   CREATE  payment.captured        ships, unless the address can't be reached or a
--                                   cancellation came first
--   VOID    order.cancel_requested  if nothing was shipped, leaves a tombstone, so
--                                   that a payment that is captured later finds it
--
-- Answers CREATED, FAILED or VOIDED; asked again, the same answer again. What they
-- mean for a cancellation, the handler says: a refusal, or voided.
--
-- countries are those of a CREATE, causes those of a VOID; else NULL.
CREATE FUNCTION move_shipment(ords int[], event_ids uuid[], order_ids uuid[], moves text[], countries text[],
                              causes json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT *, CASE WHEN move = 'VOID' THEN 'VOIDED' WHEN country = 'ZZ' THEN 'FAILED' ELSE 'CREATED' END AS wanted,
             gen_random_uuid() AS shipment_id
      FROM unnest(ords, event_ids, order_ids, moves, countries, causes)
        AS a (ord, event_id, order_id, move, country, cause)),
    decided AS (
      INSERT INTO shipments AS s
        (order_id, shipment_id, status, tracking_number, carrier, cause, decided_by)
      SELECT order_id, shipment_id, wanted,
             CASE WHEN wanted = 'CREATED'
                  THEN 'WB' || upper(left(replace(shipment_id::text, '-', ''), 14)) END,
             CASE WHEN wanted = 'CREATED' THEN 'Waybill Post' END,
             CASE wanted WHEN 'VOIDED' THEN cause
                         WHEN 'FAILED' THEN json_build_object(
                           'code', 'UNDELIVERABLE', 'step', 'shipping',
                           'detail', 'no carrier delivers to country ZZ') END,
             event_id
      FROM asked ORDER BY order_id
      ON CONFLICT (order_id) DO UPDATE SET sequence = s.sequence + 1
      RETURNING s.*)
    SELECT a.ord, d.status, d.sequence,
           CASE WHEN d.status <> 'CREATED' THEN json_build_object('cause', d.cause)
                WHEN a.move = 'VOID'
                THEN json_build_object('cause', a.cause, 'shipment', shipment_json(d.shipment_id, d.tracking_number, d.carrier))
                ELSE json_build_object('shipment', shipment_json(d.shipment_id, d.tracking_number, d.carrier)) END
    FROM decided d JOIN asked a USING (order_id);
END $$;

DROP FUNCTION create_shipment(int[], uuid[], uuid[], text[]);
DROP FUNCTION void_shipment(int[], uuid[], uuid[], json[]);
