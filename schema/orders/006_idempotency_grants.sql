GRANT SELECT, INSERT, UPDATE ON idempotency_keys TO orders;
GRANT EXECUTE ON FUNCTION idempotency_expire(bigint) TO orders;
