-- The ends of a batch's orders: one call for all of them. It takes the place of
-- end_order, called once per status, and of refuse_cancel: two processes deadlocked
-- when the same two orders were shipped in one and refused in the other, each
-- locking them in another order.
--
--   move       event                  what it does
--   CONFIRMED  shipment.created       PENDING → CONFIRMED
--   REJECTED   stock.rejected         PENDING → REJECTED
--   CANCELLED  stock.released         PENDING → CANCELLED
--   REFUSED    shipment.void_refused  sets cancel_refused; and since it proves that
--                                     the order was shipped, confirms an order whose
--                                     shipment.created was lost
--
-- Answers the new status (with the sequence of the event to emit); UNCHANGED when
-- it had that status before; MISSING for an order that isn't here (yet); or
-- CONFLICT with what it is instead. besides: {"cause":…} or {"shipment":…}.
CREATE FUNCTION end_orders(ords int[], event_ids uuid[], order_ids uuid[], moves text[], besides json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM orders WHERE order_id = ANY (order_ids) ORDER BY order_id FOR UPDATE;

  RETURN QUERY
    WITH asked AS (
      SELECT a.*, replace(move, 'REFUSED', 'CONFIRMED') AS to_status, move = 'REFUSED' AS is_refusal
      FROM unnest(ords, event_ids, order_ids, moves, besides) AS a (ord, event_id, order_id, move, beside)),
    ended AS (
      UPDATE orders o SET status = a.to_status, sequence = o.sequence + 1, version = o.version + 1,
        cause = a.beside -> 'cause', shipment = a.beside -> 'shipment', ended_by = a.event_id,
        cancel_refused = o.cancel_refused OR a.is_refusal, updated_at = clock_timestamp()
      FROM asked a WHERE o.order_id = a.order_id AND o.status = 'PENDING'
      RETURNING a.ord, o.sequence),
    refused AS (
      UPDATE orders o SET cancel_refused = true, version = o.version + 1, updated_at = clock_timestamp()
      FROM asked a WHERE o.order_id = a.order_id AND o.status <> 'PENDING' AND a.is_refusal AND NOT o.cancel_refused)
    SELECT a.ord,
           CASE WHEN e.ord IS NOT NULL THEN to_status
                WHEN o.order_id IS NULL THEN 'MISSING'
                WHEN o.status = to_status THEN 'UNCHANGED'
                ELSE 'CONFLICT' END,
           e.sequence,
           CASE WHEN e.ord IS NOT NULL THEN a.beside
                ELSE json_build_object('status', o.status, 'asked', to_status) END
    FROM asked a LEFT JOIN orders o USING (order_id) LEFT JOIN ended e USING (ord);
END $$;

DROP FUNCTION refuse_cancel(int[], uuid[], uuid[], json[]);
DROP FUNCTION end_order(int[], uuid[], uuid[], json[], text);
