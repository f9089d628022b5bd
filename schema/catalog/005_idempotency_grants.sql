GRANT SELECT, INSERT, UPDATE ON idempotency_keys TO catalog;
GRANT EXECUTE ON FUNCTION idempotency_expire(bigint) TO catalog;
