-- shipment.created: the reservation goes out. SHIPPED, also when it had gone
-- before; MISSING if there is no reservation (yet); RELEASED or REJECTED are
-- conflicts.
CREATE FUNCTION ship_stock(ords int[], event_ids uuid[], order_ids uuid[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM reservations WHERE order_id = ANY (order_ids) ORDER BY order_id FOR UPDATE;
  PERFORM 1 FROM stock
  WHERE sku IN (SELECT unnest(skus) FROM reservations
                WHERE order_id = ANY (order_ids) AND status = 'RESERVED')
  ORDER BY sku FOR NO KEY UPDATE;

  UPDATE stock s SET reserved = s.reserved - g.quantity, shipped = s.shipped + g.quantity
  FROM (SELECT l.sku, sum(l.quantity) AS quantity
        FROM reservations v, unnest(v.skus, v.quantities) AS l (sku, quantity)
        WHERE v.order_id = ANY (order_ids) AND v.status = 'RESERVED' GROUP BY l.sku) AS g
  WHERE s.sku = g.sku;

  UPDATE reservations v SET status = 'SHIPPED', ended_by = a.event_id, updated_at = clock_timestamp()
  FROM unnest(event_ids, order_ids) AS a (event_id, order_id)
  WHERE v.order_id = a.order_id AND v.status = 'RESERVED';

  RETURN QUERY
    SELECT a.ord, coalesce(v.status, 'MISSING'), 0::bigint, NULL::json
    FROM unnest(ords, order_ids) AS a (ord, order_id) LEFT JOIN reservations v USING (order_id);
END $$;
