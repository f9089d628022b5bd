-- Goods came in: RECEIVED with the sequence of the event to emit, KNOWN when this
-- receipt was recorded before, or MISSING when there is no such product.
CREATE FUNCTION receive_stock(id uuid, the_sku text, pieces bigint)
RETURNS TABLE (outcome text, sequence bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM products WHERE sku = the_sku FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'MISSING', 0::bigint;
    RETURN;
  END IF;
  INSERT INTO receipts (receipt_id, sku, quantity) VALUES (id, the_sku, pieces)
    ON CONFLICT (receipt_id) DO NOTHING;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'KNOWN', 0::bigint;
    RETURN;
  END IF;
  RETURN QUERY
    UPDATE products SET sequence = products.sequence + 1
    WHERE sku = the_sku RETURNING 'RECEIVED', products.sequence;
END $$;
