-- Forgetting old rows cheaply: without an index on a time, which every insert would
-- pay for, and without a long scan. Whoever forgets walks through a table slice by
-- slice, over and over, and remembers where it is.

-- Deletes the rows of the slice of n_blocks that begins at from_block for which
-- is_old (an SQL condition) holds. Returns where the next slice begins: 0 after the
-- last one.
CREATE FUNCTION forget_rows(rows regclass, is_old text, from_block bigint, n_blocks bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %s WHERE ctid >= $1 AND ctid < $2 AND (%s)', rows, is_old)
    USING format('(%s,0)', from_block)::tid, format('(%s,0)', from_block + n_blocks)::tid;
  RETURN CASE WHEN (from_block + n_blocks) * current_setting('block_size')::bigint < pg_relation_size(rows)
              THEN from_block + n_blocks ELSE 0 END;
END $$;

-- A slice of the inbox: what was handled more than keep_days ago; in the first one
-- also the marks of messages that were begun then and have never come again.
CREATE FUNCTION inbox_forget(keep_days int, from_block bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(keep_days, 0) < 1 THEN
    RAISE EXCEPTION 'keep_days is 1 at least, not %', keep_days USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF from_block = 0 THEN
    DELETE FROM inbox_starts WHERE started_at < now() - keep_days * interval '24 hours';
  END IF;
  RETURN forget_rows('inbox', format('handled_at < now() - %s * interval ''24 hours''', keep_days), from_block, 32);
END $$;
