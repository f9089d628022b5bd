-- What each consumer of this database has handled: exactly-once in effect. Rows
-- are kept longer than any dead letter can live.
CREATE TABLE inbox (
  consumer   text NOT NULL,
  event_id   uuid NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer, event_id)
);

-- Redelivered messages that were begun but not ended: a message that crashes its
-- consumer is found by these marks.
CREATE TABLE inbox_starts (
  consumer   text NOT NULL,
  event_id   uuid NOT NULL,
  starts     int NOT NULL DEFAULT 1,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer, event_id)
);
