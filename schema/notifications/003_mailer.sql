-- The mailer's two statements.

-- Claims up to max_mails that are due, for lease_ms: nobody else sends them
-- meanwhile, and if we die they are due again after it.
CREATE FUNCTION claim_mails(max_mails int, lease_ms bigint)
RETURNS TABLE (event_id uuid, order_id uuid, name text, email text, subject text, content text,
               tries int, created_us bigint)
LANGUAGE sql AS $$
  WITH due AS MATERIALIZED (
    SELECT m.order_id, m.kind FROM mails m
    WHERE m.status = 'PENDING' AND m.due_at <= clock_timestamp()
    ORDER BY m.due_at LIMIT max_mails FOR UPDATE SKIP LOCKED)
  UPDATE mails m SET
    tries = m.tries + 1,
    due_at = clock_timestamp() + lease_ms * interval '1 ms',
    updated_at = clock_timestamp()
  FROM due, customers c
  WHERE m.order_id = due.order_id AND m.kind = due.kind AND c.customer_id = m.customer_id
  RETURNING m.event_id, m.order_id, c.name, c.email, m.subject, m.content, m.tries,
            (extract(epoch FROM m.created_at) * 1000000)::bigint;
$$;

-- Records what came of mails: ACCEPTED, REFUSED (for good), DEFERRED (counts
-- against max_deferrals) or UNREACHABLE; after the last two it is due again in
-- retry_ms. That the server took a mail on is recorded whoever says so; anything
-- else only by the latest try. Returns those that have failed now.
CREATE FUNCTION record_mails(event_ids uuid[], nths int[], outcomes text[], answers text[], retry_ms bigint[],
                             max_deferrals bigint)
RETURNS TABLE (event_id uuid, order_id uuid, answer text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM mails m WHERE m.event_id = ANY (event_ids) ORDER BY m.order_id, m.kind FOR UPDATE;

  RETURN QUERY
    WITH told AS (
      SELECT t.*, m.deferrals + (t.outcome = 'DEFERRED')::int AS deferred
      FROM unnest(event_ids, nths, outcomes, answers, retry_ms) AS t (event_id, nth, outcome, answer, retry_ms)
      JOIN mails m USING (event_id)
      WHERE m.status = 'PENDING' AND (m.tries = t.nth OR t.outcome = 'ACCEPTED')),
    recorded AS (
      UPDATE mails m SET
        status = CASE WHEN t.outcome = 'ACCEPTED' THEN 'SENT'
                      WHEN t.outcome = 'REFUSED' OR t.outcome = 'DEFERRED' AND t.deferred >= max_deferrals
                      THEN 'FAILED'
                      ELSE m.status END,
        deferrals = t.deferred,
        due_at = clock_timestamp() + t.retry_ms * interval '1 ms',
        answer = t.answer,
        updated_at = clock_timestamp()
      FROM told t WHERE m.event_id = t.event_id
      RETURNING m.event_id, m.order_id, m.answer, m.status)
    SELECT r.event_id, r.order_id, r.answer FROM recorded r WHERE r.status = 'FAILED';
END $$;
