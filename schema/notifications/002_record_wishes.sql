-- customer.registered
CREATE FUNCTION replicate_customer(ords int[], event_ids uuid[], customer_ids uuid[], names text[], emails text[])
RETURNS SETOF int LANGUAGE sql AS $$
  INSERT INTO customers SELECT DISTINCT ON (c) c, n, e
    FROM unnest(customer_ids, names, emails) AS a (c, n, e) ORDER BY c
    ON CONFLICT DO NOTHING;
  SELECT NULL::int WHERE false;
$$;

-- order.confirmed, order.rejected, order.cancelled: record the wish to mail, once
-- per order and kind. Answers RECORDED, or UNKNOWN_CUSTOMER for somebody who has
-- not been heard of (yet).
CREATE FUNCTION record_wishes(ords int[], event_ids uuid[], order_ids uuid[], customer_ids uuid[],
                              kinds text[], subjects text[], contents text[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE sql AS $$
  WITH asked AS MATERIALIZED (
    SELECT a.*, c.customer_id IS NOT NULL AS is_known
    FROM unnest(ords, event_ids, order_ids, customer_ids, kinds, subjects, contents)
           AS a (ord, event_id, order_id, customer_id, kind, subject, content)
    LEFT JOIN customers c USING (customer_id)),
  recorded AS (
    INSERT INTO mails (order_id, kind, event_id, customer_id, subject, content)
    SELECT order_id, kind, event_id, customer_id, subject, content
    FROM asked WHERE is_known ORDER BY order_id, kind
    ON CONFLICT DO NOTHING)
  SELECT ord, CASE WHEN is_known THEN 'RECORDED' ELSE 'UNKNOWN_CUSTOMER' END, NULL::bigint,
         json_build_object('customer_id', customer_id)
  FROM asked;
$$;
