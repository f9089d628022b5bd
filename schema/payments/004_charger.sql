-- The charger's two statements.

-- Claims up to max_calls wishes that are due, for lease_ms: nobody else calls the
-- provider for them meanwhile, and if we die they are due again after it.
CREATE FUNCTION claim_payments(max_calls int, lease_ms bigint)
RETURNS TABLE (order_id uuid, status text, amount_minor bigint, currency text, method text, calls int)
LANGUAGE sql AS $$
  WITH due AS MATERIALIZED (
    SELECT p.order_id FROM payments p
    WHERE p.status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING', 'REFUNDING') AND p.due_at <= clock_timestamp()
    ORDER BY p.due_at LIMIT max_calls FOR UPDATE SKIP LOCKED)
  UPDATE payments p SET
    status = CASE p.status WHEN 'REQUESTED' THEN 'ATTEMPTING' ELSE p.status END,
    calls = p.calls + 1,
    due_at = clock_timestamp() + lease_ms * interval '1 ms',
    updated_at = clock_timestamp()
  FROM due WHERE p.order_id = due.order_id
  RETURNING p.order_id, p.status, p.amount_minor, p.currency, p.method, p.calls;
$$;

-- Records what came of calls: 'CAPTURED', 'DECLINED', 'REFUNDED', or 'UNKNOWN'
-- (then the same call is due again after retry_ms). Returns a row for each
-- payment that now has an outcome to be told.
CREATE FUNCTION settle_payments(order_ids uuid[], outcomes text[], provider_references text[],
                                details text[], retry_ms bigint[])
RETURNS TABLE (order_id uuid, status text, sequence bigint, snapshot json, beside json,
               caused_by uuid, traceparent text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM payments p WHERE p.order_id = ANY (order_ids) ORDER BY p.order_id FOR UPDATE;

  RETURN QUERY
    WITH told AS (
      SELECT t.*, p.status AS was,
             CASE WHEN p.status = 'ATTEMPTING' AND t.outcome IN ('CAPTURED', 'DECLINED') THEN t.outcome
                  WHEN p.status = 'VOIDING' AND t.outcome = 'CAPTURED' THEN 'REFUNDING'
                  WHEN p.status = 'VOIDING' AND t.outcome = 'DECLINED' THEN 'VOIDED'
                  WHEN p.status = 'REFUNDING' AND t.outcome = 'REFUNDED' THEN t.outcome
             END AS becomes
      FROM unnest(order_ids, outcomes, provider_references, details, retry_ms)
             AS t (order_id, outcome, provider_reference, detail, retry_ms)
      JOIN payments p USING (order_id)
      WHERE p.status IN ('ATTEMPTING', 'VOIDING', 'REFUNDING')),
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
        due_at = CASE WHEN t.becomes = 'REFUNDING' THEN clock_timestamp()
                      WHEN t.becomes IS NULL THEN clock_timestamp() + t.retry_ms * interval '1 ms'
                      ELSE p.due_at END,
        calls = CASE WHEN t.becomes = 'REFUNDING' THEN 0 ELSE p.calls END,
        updated_at = clock_timestamp()
      FROM told t WHERE p.order_id = t.order_id
      RETURNING p.*, t.becomes)
    SELECT s.order_id, s.status, s.sequence, s.snapshot,
           payment_beside(s.status, s.cause,
                          payment_json(s.payment_id, s.amount_minor, s.currency, s.provider_reference)),
           s.caused_by, s.traceparent
    FROM settled s WHERE s.becomes IN ('CAPTURED', 'DECLINED', 'VOIDED', 'REFUNDED');
END $$;
