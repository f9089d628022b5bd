-- payment.declined, payment.refunded, payment.voided: give the lines back. Called
-- by move_stock, which holds the locks.
--
-- Answers RELEASED, also for an order that never came (a tombstone: it will find
-- it); REJECTED if that was the answer; SHIPPED is a conflict. Asked again, the
-- same answer again. One statement, so that an order which another process adds
-- meanwhile is either seen by all of it or stops it (unique_violation).
CREATE FUNCTION release_stock(ords int[], event_ids uuid[], order_ids uuid[], causes json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, order_ids, causes) AS a (ord, event_id, order_id, cause)),
    released AS (
      UPDATE reservations v SET status = 'RELEASED', cause = a.cause, ended_by = a.event_id,
        sequence = v.sequence + 1, updated_at = clock_timestamp()
      FROM asked a WHERE v.order_id = a.order_id AND v.status = 'RESERVED'
      RETURNING v.*),
    given_back AS (
      UPDATE stock s SET on_hand = s.on_hand + g.quantity, reserved = s.reserved - g.quantity
      FROM (SELECT l.sku, sum(l.quantity) AS quantity
            FROM released r, unnest(r.skus, r.quantities) AS l (sku, quantity) GROUP BY l.sku) AS g
      WHERE s.sku = g.sku),
    repeated AS (
      UPDATE reservations v SET sequence = v.sequence + CASE WHEN v.status = 'SHIPPED' THEN 0 ELSE 1 END
      FROM asked a WHERE v.order_id = a.order_id AND v.status <> 'RESERVED'
      RETURNING v.*),
    tombstones AS (
      INSERT INTO reservations (order_id, status, cause, sequence, ended_by)
      SELECT order_id, 'RELEASED', cause, 1, event_id FROM asked a
      WHERE NOT EXISTS (SELECT FROM reservations v WHERE v.order_id = a.order_id)
      ORDER BY order_id
      RETURNING *)
    SELECT a.ord, v.status, v.sequence, json_build_object('cause', v.cause)
    FROM asked a
    JOIN (TABLE released UNION ALL TABLE repeated UNION ALL TABLE tombstones) AS v USING (order_id);
END $$;
