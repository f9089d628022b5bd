-- What takes an order's lines from stock, gives them back or sends them out: one
-- call for all such events of a batch, whatever their types. Answers as the
-- function for the move does.
--
--   move     detail
--   RESERVE  the order's lines
--   RELEASE  the cause
--   SHIP     NULL
--
-- All rows are locked here, before any is changed: the reservations, then the
-- SKUs, each sorted. With one call per event type, two processes would each hold
-- SKUs that the other's next call wants, and deadlock with almost every batch.
-- For the same reason a batch with news of the catalog runs alone.
CREATE FUNCTION move_stock(ords int[], event_ids uuid[], order_ids uuid[], moves text[], details json[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  part       record;
  n_answered int := 0;
  n_more     int;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(8617204432);
  PERFORM 1 FROM reservations WHERE order_id = ANY (order_ids) ORDER BY order_id FOR UPDATE;
  PERFORM 1 FROM stock
  WHERE sku IN (SELECT l ->> 'sku' FROM unnest(moves, details) AS a (move, detail),
                  json_array_elements(CASE WHEN move = 'RESERVE' THEN detail END) AS l
                UNION
                SELECT unnest(skus) FROM reservations
                WHERE order_id = ANY (order_ids) AND status = 'RESERVED')
  ORDER BY sku FOR NO KEY UPDATE;

  FOR part IN
    SELECT move, array_agg(ord ORDER BY ord) AS ords, array_agg(event_id ORDER BY ord) AS event_ids,
           array_agg(order_id ORDER BY ord) AS order_ids, array_agg(detail ORDER BY ord) AS details
    FROM unnest(ords, event_ids, order_ids, moves, details) AS a (ord, event_id, order_id, move, detail)
    GROUP BY move ORDER BY move
  LOOP
    CASE part.move
      WHEN 'RELEASE' THEN
        RETURN QUERY SELECT * FROM release_stock(part.ords, part.event_ids, part.order_ids, part.details);
      WHEN 'RESERVE' THEN
        RETURN QUERY SELECT * FROM reserve_stock(part.ords, part.event_ids, part.order_ids, part.details);
      WHEN 'SHIP' THEN
        RETURN QUERY SELECT * FROM ship_stock(part.ords, part.event_ids, part.order_ids);
    END CASE;
    GET DIAGNOSTICS n_more = ROW_COUNT;
    n_answered := n_answered + n_more;
  END LOOP;
  IF n_answered <> cardinality(ords) THEN
    RAISE unique_violation;
  END IF;
EXCEPTION WHEN unique_violation THEN
  -- Another process has added one of these orders meanwhile: run again and see it.
  RAISE EXCEPTION 'another process holds one of these orders' USING ERRCODE = 'serialization_failure';
END $$;
