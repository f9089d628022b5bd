-- What it calls is STABLE; declared more than that, it can't be merged into the
-- statement that uses it, and is prepared and called for each row instead.
ALTER FUNCTION shipment_json(uuid, text, text) STABLE;
