-- As before, but each order is looked up by its key. With 'PENDING' as a literal the
-- planner, which takes the table for small, read the whole index of pending orders,
-- orders_overdue, and compared them with each of the batch: the longer the backlog,
-- the slower. The value of a variable proves no index's predicate.
CREATE OR REPLACE FUNCTION end_orders(ords int[], event_ids uuid[], order_ids uuid[], moves text[], besides json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  pending CONSTANT text := 'PENDING';
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
      FROM asked a WHERE o.order_id = a.order_id AND o.status = pending
      RETURNING a.ord, o.sequence),
    refused AS (
      UPDATE orders o SET cancel_refused = true, version = o.version + 1, updated_at = clock_timestamp()
      FROM asked a WHERE o.order_id = a.order_id AND o.status <> pending AND a.is_refusal AND NOT o.cancel_refused)
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
