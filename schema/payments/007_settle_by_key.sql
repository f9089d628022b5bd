-- As before, but each payment is looked up by its key: with the states as literals
-- the planner, which takes the table for small, read the whole index of what is to
-- be called, payments_wishes. The value of a variable proves no index's predicate.
CREATE OR REPLACE FUNCTION settle_payments(order_ids uuid[], outcomes text[], provider_references text[],
                                details text[], retry_ms bigint[], max_refusals bigint)
RETURNS TABLE (order_id uuid, status text, sequence bigint, snapshot json, beside json,
               caused_by uuid, traceparent text, detail text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  called CONSTANT text[] := '{ATTEMPTING,VOIDING,REFUNDING}';
BEGIN
  PERFORM 1 FROM payments p WHERE p.order_id = ANY (order_ids) ORDER BY p.order_id FOR UPDATE;

  RETURN QUERY
    WITH told AS (
      SELECT t.order_id, t.provider_reference, t.detail, t.retry_ms, t.outcome,
             t.outcome = 'REFUSED' AND p.refusals + 1 >= max_refusals AS is_hopeless
      FROM unnest(order_ids, outcomes, provider_references, details, retry_ms)
             AS t (order_id, outcome, provider_reference, detail, retry_ms)
      JOIN payments p USING (order_id)
      WHERE p.status = ANY (called)),
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
