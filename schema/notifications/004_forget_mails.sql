GRANT DELETE ON mails TO notifications;

-- A slice of the mails: those that have ended more than keep_days ago.
CREATE FUNCTION forget_mails(keep_days int, from_block bigint) RETURNS bigint LANGUAGE sql AS $$
  SELECT forget_rows('mails', format('status <> ''PENDING'' AND updated_at < now() - %s * interval ''24 hours''',
                                     keep_days), from_block, 1000);
$$;
