-- The same claim, which read every mail that is to be sent later, too: a scan can't be
-- limited by clock_timestamp(). Planned once per connection, so everything is by key.
CREATE OR REPLACE FUNCTION claim_mails(max_mails int, lease_ms bigint)
RETURNS TABLE (event_id uuid, order_id uuid, name text, email text, subject text, content text,
               tries int, created_us bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH due AS MATERIALIZED (
      SELECT m.event_id FROM mails m
      WHERE m.status = 'PENDING' AND m.due_at <= statement_timestamp()
      ORDER BY m.due_at LIMIT max_mails FOR UPDATE SKIP LOCKED),
    claimed AS (
      UPDATE mails m SET
        tries = m.tries + 1,
        due_at = clock_timestamp() + lease_ms * interval '1 ms',
        updated_at = clock_timestamp()
      WHERE m.event_id = ANY (ARRAY(SELECT d.event_id FROM due d))
      RETURNING m.*)
    SELECT m.event_id, m.order_id, c.name, c.email, m.subject, m.content, m.tries,
           (extract(epoch FROM m.created_at) * 1000000)::bigint
    FROM claimed m CROSS JOIN LATERAL (
      SELECT k.name, k.email FROM customers k WHERE k.customer_id = m.customer_id LIMIT 1) c;
END $$;
