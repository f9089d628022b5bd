-- shipment.created: the reservation goes out. Called by move_stock, which holds
-- the locks.
--
-- Answers SHIPPED, also when it had gone before; MISSING if there is no
-- reservation (yet); RELEASED or REJECTED are conflicts.
CREATE FUNCTION ship_stock(ords int[], event_ids uuid[], order_ids uuid[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, order_ids) AS a (ord, event_id, order_id)),
    gone AS (
      UPDATE reservations v SET status = 'SHIPPED', ended_by = a.event_id, updated_at = clock_timestamp()
      FROM asked a WHERE v.order_id = a.order_id AND v.status = 'RESERVED'
      RETURNING v.*),
    sent AS (
      UPDATE stock s SET reserved = s.reserved - g.quantity, shipped = s.shipped + g.quantity
      FROM (SELECT l.sku, sum(l.quantity) AS quantity
            FROM gone, unnest(gone.skus, gone.quantities) AS l (sku, quantity) GROUP BY l.sku) AS g
      WHERE s.sku = g.sku)
    SELECT a.ord, coalesce(g.status, v.status, 'MISSING'), 0::bigint, NULL::json
    FROM asked a LEFT JOIN gone g USING (order_id) LEFT JOIN reservations v USING (order_id);
END $$;
