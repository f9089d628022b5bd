-- A product as it should be from now on: CREATED, CHANGED, or UNCHANGED, with its
-- version and the sequence of the event to emit. What is UNCHANGED emits none.
CREATE FUNCTION put_product(the_sku text, the_name text, price bigint, the_currency text)
RETURNS TABLE (outcome text, version bigint, sequence bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    INSERT INTO products (sku, name, price_minor, currency)
    VALUES (the_sku, the_name, price, the_currency)
    ON CONFLICT (sku) DO NOTHING
    RETURNING 'CREATED', products.version, products.sequence;
  IF FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY
    UPDATE products SET name = the_name, price_minor = price, currency = the_currency,
      version = products.version + 1, sequence = products.sequence + 1, updated_at = clock_timestamp()
    WHERE sku = the_sku
      AND (name, price_minor, currency) IS DISTINCT FROM (the_name, price, the_currency)
    RETURNING 'CHANGED', products.version, products.sequence;
  IF FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT 'UNCHANGED', p.version, p.sequence FROM products p WHERE sku = the_sku;
END $$;
