-- shipment.failed, shipment.voided: no money may stay taken. What was captured is
-- to be refunded, a wish that nobody has begun is dropped, a call under way is
-- waited for (VOIDING), and an order that never came gets a tombstone. Answers
-- with the status; a payment that has its outcome repeats it.
CREATE FUNCTION void_payment(ords int[], event_ids uuid[], order_ids uuid[], causes json[], traces text[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, order_ids, causes, traces)
        AS a (ord, event_id, order_id, cause, traceparent)),
    recorded AS (
      INSERT INTO payments AS p (order_id, status, cause, sequence, caused_by, traceparent)
      SELECT order_id, 'VOIDED', cause, 1, event_id, traceparent FROM asked ORDER BY order_id
      ON CONFLICT (order_id) DO UPDATE SET
        status = CASE p.status WHEN 'REQUESTED' THEN 'VOIDED' WHEN 'ATTEMPTING' THEN 'VOIDING'
                               WHEN 'CAPTURED' THEN 'REFUNDING' ELSE p.status END,
        sequence = p.sequence +
          CASE WHEN p.status IN ('REQUESTED', 'DECLINED', 'VOIDED', 'REFUNDED') THEN 1 ELSE 0 END,
        cause = coalesce(p.cause, excluded.cause),
        -- A refund is due at once, and is a new kind of call.
        due_at = CASE WHEN p.status = 'CAPTURED' THEN clock_timestamp() ELSE p.due_at END,
        calls = CASE WHEN p.status = 'CAPTURED' THEN 0 ELSE p.calls END,
        caused_by = CASE WHEN p.status IN ('REQUESTED', 'ATTEMPTING', 'CAPTURED')
                         THEN excluded.caused_by ELSE p.caused_by END,
        traceparent = CASE WHEN p.status IN ('REQUESTED', 'ATTEMPTING', 'CAPTURED')
                           THEN excluded.traceparent ELSE p.traceparent END,
        updated_at = clock_timestamp()
      RETURNING p.*)
    SELECT a.ord, r.status, r.sequence,
           payment_beside(r.status, r.cause,
                          payment_json(r.payment_id, r.amount_minor, r.currency, r.provider_reference))
    FROM recorded r JOIN asked a USING (order_id);
END $$;
