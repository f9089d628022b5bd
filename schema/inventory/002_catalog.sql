-- What the catalog says: which SKUs exist, and what came in. Either may arrive
-- first. A batch that has any of it runs alone, see move_stock: what it locks is
-- not known beforehand.

CREATE FUNCTION add_sku(ords int[], event_ids uuid[], skus text[])
RETURNS SETOF int LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(8617204432);
  INSERT INTO stock (sku) SELECT s FROM unnest(skus) AS s GROUP BY s ORDER BY s
    ON CONFLICT DO NOTHING;
  SELECT NULL::int WHERE false;
$$;

CREATE FUNCTION receive_stock(ords int[], event_ids uuid[], skus text[], quantities bigint[])
RETURNS SETOF int LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(8617204432);
  INSERT INTO stock AS s (sku, received, on_hand)
    SELECT sku, sum(quantity), sum(quantity)
    FROM unnest(skus, quantities) AS r (sku, quantity) GROUP BY sku ORDER BY sku
    ON CONFLICT (sku) DO UPDATE
      SET received = s.received + excluded.received, on_hand = s.on_hand + excluded.on_hand;
  INSERT INTO stock_receipts (event_id, sku, quantity)
    SELECT * FROM unnest(event_ids, skus, quantities);
  SELECT NULL::int WHERE false;
$$;
