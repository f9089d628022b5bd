-- The operator's journal: what `waybill dlq` did with the dead letters of this
-- database's consumer, who did it, and what became of each. It lies beside the inbox
-- and the outbox because these two tell what became of a message, and because a
-- backup that is restored must bring back all three as of one moment.

CREATE TABLE dlq_jobs (
  -- "inventory-20261128T210455-4f2a9c": also the header waybill-replay of the
  -- messages that it sends.
  job         text PRIMARY KEY,
  consumer    text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('replay', 'edit', 'discard')),
  who         text NOT NULL,
  why         text NOT NULL DEFAULT '',
  -- What it was told to take, in words.
  filter      text NOT NULL DEFAULT '',
  canary      int NOT NULL DEFAULT 0,
  rate        int NOT NULL DEFAULT 0,
  stop_above  int NOT NULL DEFAULT -1,
  -- A job that is 'running' without a process that holds the journal's lock was
  -- killed; it goes on by --resume, as a paused one does.
  status      text NOT NULL CHECK (status IN ('running', 'paused', 'done', 'cancelled')),
  note        text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at    timestamptz,
  CHECK (kind <> 'discard' OR why <> '')
);

-- The frozen selection: committed together with its job, before the first message
-- is touched.
CREATE TABLE dlq_items (
  job         text NOT NULL REFERENCES dlq_jobs ON DELETE CASCADE,
  ord         int NOT NULL,
  -- These three say which dead letter it is. One that comes back after a replay has
  -- another replay, or more attempts.
  letter      text NOT NULL,
  replay      text NOT NULL,
  attempts    int NOT NULL,
  -- Under this message id it is sent, and by it the inbox knows it.
  event_id    uuid NOT NULL,
  event_type  text NOT NULL,
  error_code  text NOT NULL,
  error       text NOT NULL,
  -- The whole message as a line of `waybill dlq export`: what was edited or
  -- discarded can be had back.
  original    text,
  edited      bytea,
  -- It is safe in the consumer's queue (a discarded one: in original), or, as far as
  -- this job is concerned, out of the dead-letter queue.
  sent_at     timestamptz,
  -- handled: the inbox has it. failed: it was dead-lettered again, for the reason in
  -- told. gone: it was no longer in the dead-letter queue. NULL: not known yet.
  outcome     text CHECK (outcome IN ('handled', 'failed', 'gone', 'discarded', 'cancelled')),
  told        text NOT NULL DEFAULT '',
  judged_at   timestamptz,
  PRIMARY KEY (job, ord)
);

-- Those whose verdict is awaited.
CREATE INDEX dlq_items_pending ON dlq_items (job, ord) WHERE sent_at IS NOT NULL AND outcome IS NULL;
-- "What has been done about this event?"
CREATE INDEX dlq_items_event ON dlq_items (event_id);
