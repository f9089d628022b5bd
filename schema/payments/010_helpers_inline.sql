-- What they call is STABLE; declared more than that, they can't be merged into the
-- statements that use them, and are prepared and called for each row instead.
ALTER FUNCTION payment_json(uuid, bigint, text, text) STABLE;
ALTER FUNCTION payment_beside(text, json, json) STABLE;
