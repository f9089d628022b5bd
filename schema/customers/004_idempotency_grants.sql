GRANT SELECT, INSERT, UPDATE ON idempotency_keys TO customers;
GRANT EXECUTE ON FUNCTION idempotency_expire(bigint) TO customers;
