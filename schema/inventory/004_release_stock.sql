-- payment.declined, payment.refunded, payment.voided: give the lines back.
--
-- Answers RELEASED, also for an order that never came (a tombstone: it will find
-- it); REJECTED if that was the answer; SHIPPED is a conflict. Asked again, the
-- same answer again.
CREATE FUNCTION release_stock(ords int[], event_ids uuid[], order_ids uuid[], causes json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  n_answered int;
BEGIN
  PERFORM 1 FROM reservations WHERE order_id = ANY (order_ids) ORDER BY order_id FOR UPDATE;
  PERFORM 1 FROM stock
  WHERE sku IN (SELECT unnest(skus) FROM reservations
                WHERE order_id = ANY (order_ids) AND status = 'RESERVED')
  ORDER BY sku FOR NO KEY UPDATE;

  UPDATE stock s SET on_hand = s.on_hand + g.quantity, reserved = s.reserved - g.quantity
  FROM (SELECT l.sku, sum(l.quantity) AS quantity
        FROM reservations v, unnest(v.skus, v.quantities) AS l (sku, quantity)
        WHERE v.order_id = ANY (order_ids) AND v.status = 'RESERVED' GROUP BY l.sku) AS g
  WHERE s.sku = g.sku;

  RETURN QUERY
    UPDATE reservations v
    SET sequence = v.sequence + CASE WHEN v.status = 'SHIPPED' THEN 0 ELSE 1 END,
        status = CASE WHEN v.status = 'RESERVED' THEN 'RELEASED' ELSE v.status END,
        cause = CASE WHEN v.status = 'RESERVED' THEN a.cause ELSE v.cause END,
        ended_by = coalesce(v.ended_by, a.event_id),
        updated_at = clock_timestamp()
    FROM unnest(ords, event_ids, order_ids, causes) AS a (ord, event_id, order_id, cause)
    WHERE v.order_id = a.order_id
    RETURNING a.ord, v.status, v.sequence, json_build_object('cause', v.cause);
  GET DIAGNOSTICS n_answered = ROW_COUNT;
  IF n_answered = cardinality(ords) THEN
    RETURN;
  END IF;

  RETURN QUERY
    WITH tombstones AS (
      INSERT INTO reservations (order_id, status, cause, sequence, ended_by)
      SELECT a.order_id, 'RELEASED', a.cause, 1, a.event_id
      FROM unnest(event_ids, order_ids, causes) AS a (event_id, order_id, cause)
      WHERE NOT EXISTS (SELECT FROM reservations v WHERE v.order_id = a.order_id)
      ORDER BY a.order_id
      RETURNING order_id, cause)
    SELECT a.ord, 'RELEASED', 1::bigint, json_build_object('cause', t.cause)
    FROM tombstones t JOIN unnest(ords, order_ids) AS a (ord, order_id) USING (order_id);
EXCEPTION WHEN unique_violation THEN
  RAISE EXCEPTION 'another process holds one of these orders' USING ERRCODE = 'serialization_failure';
END $$;
