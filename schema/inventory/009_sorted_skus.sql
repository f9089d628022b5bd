-- As before, but the list of SKUs by which the stock is looked up comes sorted and
-- without duplicates: for each row of a batch the server makes it so, which is quick
-- if it is already. (Found by their places instead, rows that another process has just
-- changed would be passed over: an order.placed and the payment.voided of the same
-- order may be under way at once.)
CREATE OR REPLACE FUNCTION reserve_stock(ords int[], event_ids uuid[], order_ids uuid[], order_lines json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  n_before   int;
  n_answered int;
  doubtful   record;
  short_line record;
BEGIN
  RETURN QUERY
    UPDATE reservations v SET sequence = v.sequence + 1
    FROM unnest(ords, order_ids) AS a (ord, order_id)
    WHERE v.order_id = a.order_id
    RETURNING a.ord, replace(v.status, 'SHIPPED', 'RESERVED'), v.sequence,
              CASE WHEN v.cause IS NOT NULL THEN json_build_object('cause', v.cause) END;
  GET DIAGNOSTICS n_before = ROW_COUNT;
  IF n_before = cardinality(ords) THEN
    RETURN;
  END IF;

  -- An order fits for sure if, for each of its SKUs, everything wanted by the
  -- orders up to it is on hand: all of those are served by one UPDATE per SKU.
  RETURN QUERY
    WITH wanted AS (
      SELECT a.ord, a.event_id, a.order_id, l.sku, l.quantity, s.on_hand,
             sum(l.quantity) OVER (PARTITION BY l.sku ORDER BY a.ord) AS up_to_here
      FROM unnest(ords, event_ids, order_ids, order_lines) AS a (ord, event_id, order_id, lines)
      CROSS JOIN LATERAL (
        SELECT sku, sum(quantity)::bigint AS quantity
        FROM json_to_recordset(a.lines) AS x (sku text, quantity bigint) GROUP BY sku) AS l
      LEFT JOIN LATERAL (SELECT k.on_hand FROM stock k WHERE k.sku = l.sku LIMIT 1) AS s ON true
      WHERE NOT EXISTS (SELECT FROM reservations v WHERE v.order_id = a.order_id)),
    lines AS (
      SELECT w.*,
             min(sku) FILTER (WHERE on_hand IS NULL) OVER (PARTITION BY ord) AS unknown,
             bool_and(up_to_here <= on_hand) OVER (PARTITION BY ord) AS fits
      FROM wanted w),
    judged AS (
      SELECT ord, event_id, order_id,
             array_agg(sku ORDER BY sku) AS skus, array_agg(quantity ORDER BY sku) AS quantities,
             unknown, fits
      FROM lines GROUP BY ord, event_id, order_id, unknown, fits),
    reserved AS (
      INSERT INTO reservations (order_id, status, skus, quantities, sequence, reserved_by)
      SELECT order_id, 'RESERVED', skus, quantities, 1, event_id
      FROM judged WHERE unknown IS NULL AND fits ORDER BY order_id),
    taken AS (
      UPDATE stock s SET on_hand = s.on_hand - t.quantity, reserved = s.reserved + t.quantity
      FROM (SELECT sku, sum(quantity) AS quantity FROM lines
            WHERE unknown IS NULL AND fits GROUP BY sku) AS t
      WHERE s.sku = t.sku AND s.sku = ANY (ARRAY(SELECT DISTINCT l.sku FROM lines l ORDER BY l.sku)))
    SELECT ord, CASE WHEN unknown IS NULL THEN 'RESERVED' ELSE 'UNKNOWN_SKU' END, 1::bigint,
           CASE WHEN unknown IS NOT NULL THEN json_build_object('sku', unknown) END
    FROM judged WHERE unknown IS NOT NULL OR fits;
  GET DIAGNOSTICS n_answered = ROW_COUNT;
  IF n_before + n_answered = cardinality(ords) THEN
    RETURN;
  END IF;

  -- The others one by one, against what is left.
  FOR doubtful IN
    SELECT a.ord, a.event_id, a.order_id, l.skus, l.quantities
    FROM unnest(ords, event_ids, order_ids, order_lines) AS a (ord, event_id, order_id, lines)
    CROSS JOIN LATERAL (
      SELECT array_agg(sku ORDER BY sku) AS skus, array_agg(quantity ORDER BY sku) AS quantities
      FROM (SELECT sku, sum(quantity)::bigint AS quantity
            FROM json_to_recordset(a.lines) AS x (sku text, quantity bigint) GROUP BY sku) AS y) AS l
    WHERE NOT EXISTS (SELECT FROM reservations v WHERE v.order_id = a.order_id)
      AND NOT EXISTS (SELECT FROM unnest(l.skus) AS k (sku)
                      WHERE (SELECT true FROM stock s WHERE s.sku = k.sku LIMIT 1) IS NULL)
    ORDER BY a.ord
  LOOP
    ord := doubtful.ord;
    sequence := 1;
    SELECT w.sku, w.quantity, s.on_hand INTO short_line
    FROM unnest(doubtful.skus, doubtful.quantities) AS w (sku, quantity)
    CROSS JOIN LATERAL (SELECT k.on_hand FROM stock k WHERE k.sku = w.sku LIMIT 1) AS s
    WHERE w.quantity > s.on_hand ORDER BY w.sku LIMIT 1;
    IF FOUND THEN
      outcome := 'REJECTED';
      beside := json_build_object('cause', json_build_object(
        'code', 'OUT_OF_STOCK', 'step', 'inventory',
        'detail', format('%s: %s wanted, %s on hand', short_line.sku, short_line.quantity, short_line.on_hand)));
      INSERT INTO reservations (order_id, status, cause, sequence, ended_by)
      VALUES (doubtful.order_id, 'REJECTED', beside -> 'cause', 1, doubtful.event_id);
    ELSE
      outcome := 'RESERVED';
      beside := NULL;
      INSERT INTO reservations (order_id, status, skus, quantities, sequence, reserved_by)
      VALUES (doubtful.order_id, 'RESERVED', doubtful.skus, doubtful.quantities, 1, doubtful.event_id);
      UPDATE stock s SET on_hand = s.on_hand - w.quantity, reserved = s.reserved + w.quantity
      FROM unnest(doubtful.skus, doubtful.quantities) AS w (sku, quantity)
      WHERE s.sku = w.sku AND s.sku = ANY (doubtful.skus);
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;
