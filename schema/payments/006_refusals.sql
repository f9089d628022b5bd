-- Calls that the provider refuses, again and again: it finds fault with the call
-- itself, so that repeating it can't help. A charge then counts as declined: the
-- provider has said, to this very key, that it takes no money. A refund can't end
-- like that. It is parked: the order stays pending, nothing is called any more, and
-- somebody has to clear it with the provider and call retry_payment().
ALTER TABLE payments
  -- Of the call that the status stands for, in a row; the last one's reason.
  ADD COLUMN refusals int NOT NULL DEFAULT 0,
  ADD COLUMN refused_with text;

-- A parked payment is one that is never due.
CREATE VIEW payments_parked AS
  SELECT order_id, status, amount_minor, currency, provider_reference, refusals, refused_with,
         updated_at AS parked_at
  FROM payments
  WHERE status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING') AND due_at = 'infinity';
GRANT SELECT ON payments_parked TO payments;

-- For operators: calls the provider again, from the first attempt on. False: no such
-- payment is parked.
CREATE FUNCTION retry_payment(id uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE payments SET due_at = clock_timestamp(), calls = 0, refusals = 0, updated_at = clock_timestamp()
    WHERE order_id = id AND due_at = 'infinity';
  RETURN FOUND;
END $$;

DROP FUNCTION settle_payments(uuid[], text[], text[], text[], bigint[]);

-- Records what came of calls: 'CAPTURED', 'DECLINED', 'REFUNDED'; 'REFUSED', which
-- counts; or 'UNKNOWN'. After a REFUSED or UNKNOWN the same call is due again after
-- retry_ms. Returns a row for each payment that now has an outcome to be told, and
-- one with status PARKED for each that was parked.
CREATE FUNCTION settle_payments(order_ids uuid[], outcomes text[], provider_references text[],
                                details text[], retry_ms bigint[], max_refusals bigint)
RETURNS TABLE (order_id uuid, status text, sequence bigint, snapshot json, beside json,
               caused_by uuid, traceparent text, detail text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM payments p WHERE p.order_id = ANY (order_ids) ORDER BY p.order_id FOR UPDATE;

  RETURN QUERY
    WITH told AS (
      SELECT t.order_id, t.provider_reference, t.detail, t.retry_ms, t.outcome,
             t.outcome = 'REFUSED' AND p.refusals + 1 >= max_refusals AS is_hopeless
      FROM unnest(order_ids, outcomes, provider_references, details, retry_ms)
             AS t (order_id, outcome, provider_reference, detail, retry_ms)
      JOIN payments p USING (order_id)
      WHERE p.status IN ('ATTEMPTING', 'VOIDING', 'REFUNDING')),
    judged AS (
      SELECT t.*,
             CASE WHEN p.status = 'ATTEMPTING' AND t.outcome IN ('CAPTURED', 'DECLINED') THEN t.outcome
                  WHEN p.status = 'ATTEMPTING' AND t.is_hopeless THEN 'DECLINED'
                  WHEN p.status = 'VOIDING' AND t.outcome = 'CAPTURED' THEN 'REFUNDING'
                  WHEN p.status = 'VOIDING' AND (t.outcome = 'DECLINED' OR t.is_hopeless) THEN 'VOIDED'
                  WHEN p.status = 'REFUNDING' AND t.outcome = 'REFUNDED' THEN t.outcome
             END AS becomes,
             p.status = 'REFUNDING' AND t.is_hopeless AS is_parked
      FROM told t JOIN payments p USING (order_id)),
    settled AS (
      UPDATE payments p SET
        status = coalesce(t.becomes, p.status),
        sequence = p.sequence + CASE WHEN t.becomes IN ('CAPTURED', 'DECLINED', 'VOIDED', 'REFUNDED')
                                     THEN 1 ELSE 0 END,
        provider_reference = CASE WHEN t.outcome = 'CAPTURED' THEN t.provider_reference
                                  ELSE p.provider_reference END,
        cause = CASE WHEN t.becomes = 'DECLINED' THEN json_build_object(
                       'code', 'PAYMENT_DECLINED', 'step', 'payments', 'detail', t.detail)
                     ELSE p.cause END,
        due_at = CASE WHEN t.is_parked THEN 'infinity'
                      WHEN t.becomes = 'REFUNDING' THEN clock_timestamp()
                      WHEN t.becomes IS NULL THEN clock_timestamp() + t.retry_ms * interval '1 ms'
                      ELSE p.due_at END,
        calls = CASE WHEN t.becomes = 'REFUNDING' THEN 0 ELSE p.calls END,
        refusals = CASE t.outcome WHEN 'REFUSED' THEN p.refusals + 1 WHEN 'UNKNOWN' THEN p.refusals ELSE 0 END,
        refused_with = CASE WHEN t.outcome = 'REFUSED' THEN t.detail ELSE p.refused_with END,
        updated_at = clock_timestamp()
      FROM judged t WHERE p.order_id = t.order_id
      RETURNING p.*, t.becomes, t.is_parked, t.detail)
    SELECT s.order_id, CASE WHEN s.is_parked THEN 'PARKED' ELSE s.status END, s.sequence, s.snapshot,
           payment_beside(s.status, s.cause,
                          payment_json(s.payment_id, s.amount_minor, s.currency, s.provider_reference)),
           s.caused_by, s.traceparent, s.detail
    FROM settled s WHERE s.is_parked OR s.becomes IN ('CAPTURED', 'DECLINED', 'VOIDED', 'REFUNDED');
END $$;

-- What the charger shows of its work: how many wishes there are, for how long the
-- oldest has been one, and how many are parked.
CREATE FUNCTION count_payments() RETURNS TABLE (waiting bigint, oldest_s bigint, parked bigint)
LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE due_at < 'infinity'),
         coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::bigint,
         count(*) FILTER (WHERE due_at = 'infinity')
  FROM payments WHERE status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING');
$$;
