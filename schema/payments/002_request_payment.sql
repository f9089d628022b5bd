-- stock.reserved: record the wish to charge. Answers with the status: a payment
-- that has an outcome repeats it (and draws a sequence for it), any other is
-- under way and answers nothing.
CREATE FUNCTION request_payment(ords int[], event_ids uuid[], order_ids uuid[], amounts bigint[],
                                currencies text[], methods text[], snapshots json[], traces text[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, order_ids, amounts, currencies, methods, snapshots, traces)
        AS a (ord, event_id, order_id, amount_minor, currency, method, snapshot, traceparent)),
    recorded AS (
      INSERT INTO payments AS p
        (order_id, status, amount_minor, currency, method, snapshot, caused_by, traceparent)
      SELECT order_id, 'REQUESTED', amount_minor, currency, method, snapshot, event_id, traceparent
      FROM asked ORDER BY order_id
      ON CONFLICT (order_id) DO UPDATE
        SET sequence = p.sequence +
              CASE WHEN p.status IN ('CAPTURED', 'DECLINED', 'VOIDED', 'REFUNDED') THEN 1 ELSE 0 END
      RETURNING p.*)
    SELECT a.ord, r.status, r.sequence,
           payment_beside(r.status, r.cause,
                          payment_json(r.payment_id, r.amount_minor, r.currency, r.provider_reference))
    FROM recorded r JOIN asked a USING (order_id);
END $$;
