-- The end of an order: PENDING → to_status, by the event that decides it.
--
-- Answers the new status (with the sequence of the event to emit); UNCHANGED when
-- it had that status before; MISSING for an order that isn't here (yet); or
-- CONFLICT with what it is instead. besides: {"cause":…} or {"shipment":…}.
CREATE FUNCTION end_order(ords int[], event_ids uuid[], order_ids uuid[], besides json[], to_status text)
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM orders WHERE order_id = ANY (order_ids) ORDER BY order_id FOR UPDATE;

  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, order_ids, besides) AS a (ord, event_id, order_id, beside)),
    ended AS (
      UPDATE orders o SET status = to_status, sequence = o.sequence + 1, version = o.version + 1,
        cause = a.beside -> 'cause', shipment = a.beside -> 'shipment', ended_by = a.event_id,
        updated_at = clock_timestamp()
      FROM asked a WHERE o.order_id = a.order_id AND o.status = 'PENDING'
      RETURNING a.ord, o.sequence)
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

-- shipment.void_refused: the cancellation came too late. It proves that the order
-- was shipped, so it confirms an order whose shipment.created was lost.
CREATE FUNCTION refuse_cancel(ords int[], event_ids uuid[], order_ids uuid[], besides json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE sql AS $$
  UPDATE orders SET cancel_refused = true, version = version + 1, updated_at = clock_timestamp()
  WHERE order_id IN (SELECT order_id FROM orders WHERE order_id = ANY (order_ids)
                     ORDER BY order_id FOR UPDATE)
    AND NOT cancel_refused;
  SELECT * FROM end_order(ords, event_ids, order_ids, besides, 'CONFIRMED');
$$;
