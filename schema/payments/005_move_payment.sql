-- What the events of a batch mean for payments: one call for all of them. It takes
-- the place of request_payment and void_payment, which locked their shares of a
-- batch one after the other, each sorted by itself: two processes, or a process and
-- the charger's settling, then deadlocked whenever one held an order that the other
-- wanted. Here all rows are locked in one pass, sorted.
--
--   move     event                             what it does
--   REQUEST  stock.reserved                    records the wish to charge
--   VOID     shipment.failed, shipment.voided  no money may stay taken
--
-- VOID: what was captured is to be refunded, a wish that nobody has begun is
-- dropped, a call under way is waited for (VOIDING), and an order that never came
-- gets a tombstone. Answers with the status; a payment that has an outcome repeats
-- it (and draws a sequence for it), any other is under way and answers nothing.
--
-- amounts, currencies, methods and snapshots are those of a REQUEST, causes those
-- of a VOID; else NULL.
CREATE FUNCTION move_payment(ords int[], event_ids uuid[], order_ids uuid[], moves text[], amounts bigint[],
                             currencies text[], methods text[], snapshots json[], causes json[], traces text[])
RETURNS TABLE (ord int, outcome text, sequence bigint, beside json)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH asked AS (
      SELECT * FROM unnest(ords, event_ids, order_ids, moves, amounts, currencies, methods, snapshots, causes, traces)
        AS a (ord, event_id, order_id, move, amount_minor, currency, method, snapshot, cause, traceparent)),
    recorded AS (
      -- A new row's status tells the move below: REQUESTED or VOIDED.
      INSERT INTO payments AS p (order_id, status, amount_minor, currency, method, snapshot, cause,
                                 sequence, caused_by, traceparent)
      SELECT order_id, CASE move WHEN 'REQUEST' THEN 'REQUESTED' ELSE 'VOIDED' END,
             coalesce(amount_minor, 0), coalesce(currency, ''), coalesce(method, ''), snapshot, cause,
             CASE move WHEN 'REQUEST' THEN 0 ELSE 1 END, event_id, traceparent
      FROM asked ORDER BY order_id
      ON CONFLICT (order_id) DO UPDATE SET
        (status, sequence, cause, due_at, calls, caused_by, traceparent, updated_at) = (
          SELECT CASE WHEN NOT m.is_void THEN p.status
                      WHEN p.status = 'REQUESTED' THEN 'VOIDED'
                      WHEN p.status = 'ATTEMPTING' THEN 'VOIDING'
                      WHEN p.status = 'CAPTURED' THEN 'REFUNDING'
                      ELSE p.status END,
                 p.sequence + CASE WHEN p.status IN ('DECLINED', 'VOIDED', 'REFUNDED')
                                     OR p.status = CASE WHEN m.is_void THEN 'REQUESTED' ELSE 'CAPTURED' END
                                   THEN 1 ELSE 0 END,
                 CASE WHEN m.is_void THEN coalesce(p.cause, excluded.cause) ELSE p.cause END,
                 -- A refund is due at once, and is a new kind of call.
                 CASE WHEN m.is_void AND p.status = 'CAPTURED' THEN clock_timestamp() ELSE p.due_at END,
                 CASE WHEN m.is_void AND p.status = 'CAPTURED' THEN 0 ELSE p.calls END,
                 CASE WHEN m.is_new THEN excluded.caused_by ELSE p.caused_by END,
                 CASE WHEN m.is_new THEN excluded.traceparent ELSE p.traceparent END,
                 CASE WHEN m.is_new THEN clock_timestamp() ELSE p.updated_at END
          FROM (SELECT excluded.status = 'VOIDED' AS is_void,
                       excluded.status = 'VOIDED' AND p.status IN ('REQUESTED', 'ATTEMPTING', 'CAPTURED') AS is_new) AS m)
      RETURNING p.*)
    SELECT a.ord, r.status, r.sequence,
           payment_beside(r.status, r.cause,
                          payment_json(r.payment_id, r.amount_minor, r.currency, r.provider_reference))
    FROM recorded r JOIN asked a USING (order_id);
END $$;

DROP FUNCTION request_payment(int[], uuid[], uuid[], bigint[], text[], text[], json[], text[]);
DROP FUNCTION void_payment(int[], uuid[], uuid[], json[], text[]);
