-- The same, planned once per connection: a function in SQL is planned anew at each
-- call. Whether a customer is known is looked up by key, whatever that plan thinks of
-- a table that was empty when it was made.
CREATE OR REPLACE FUNCTION record_wishes(ords int[], event_ids uuid[], order_ids uuid[], customer_ids uuid[],
                                         kinds text[], subjects text[], contents text[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS MATERIALIZED (
      SELECT a.*,
             (SELECT true FROM customers c WHERE c.customer_id = a.customer_id LIMIT 1) IS NOT NULL AS is_known
      FROM unnest(ords, event_ids, order_ids, customer_ids, kinds, subjects, contents)
             AS a (ord, event_id, order_id, customer_id, kind, subject, content)),
    recorded AS (
      INSERT INTO mails (order_id, kind, event_id, customer_id, subject, content)
      SELECT a.order_id, a.kind, a.event_id, a.customer_id, a.subject, a.content
      FROM asked a WHERE a.is_known ORDER BY a.order_id, a.kind
      ON CONFLICT DO NOTHING)
    SELECT a.ord, CASE WHEN a.is_known THEN 'RECORDED' ELSE 'UNKNOWN_CUSTOMER' END, NULL::bigint,
           json_build_object('customer_id', a.customer_id)
    FROM asked a;
END $$;
