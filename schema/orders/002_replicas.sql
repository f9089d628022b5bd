-- product.upserted: the newest version wins, whatever the order of arrival.
CREATE FUNCTION replicate_product(ords int[], event_ids uuid[], skus text[], names text[],
                                  prices bigint[], currencies text[], versions bigint[])
RETURNS SETOF int LANGUAGE sql AS $$
  INSERT INTO products AS p (sku, name, price_minor, currency, version)
    SELECT DISTINCT ON (sku) sku, name, price_minor, currency, version
    FROM unnest(skus, names, prices, currencies, versions) AS a (sku, name, price_minor, currency, version)
    ORDER BY sku, version DESC
    ON CONFLICT (sku) DO UPDATE SET name = excluded.name, price_minor = excluded.price_minor,
      currency = excluded.currency, version = excluded.version
      WHERE p.version < excluded.version;
  SELECT NULL::int WHERE false;
$$;

-- customer.registered
CREATE FUNCTION replicate_customer(ords int[], event_ids uuid[], customer_ids uuid[], names text[], emails text[])
RETURNS SETOF int LANGUAGE sql AS $$
  INSERT INTO customers SELECT DISTINCT ON (c) c, n, e
    FROM unnest(customer_ids, names, emails) AS a (c, n, e) ORDER BY c
    ON CONFLICT DO NOTHING;
  SELECT NULL::int WHERE false;
$$;
