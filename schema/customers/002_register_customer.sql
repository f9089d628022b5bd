-- CREATED; or, for an id that is taken, SAME when everything else is as asked,
-- else OTHER.
CREATE FUNCTION register_customer(id uuid, the_name text, the_email text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO customers (customer_id, name, email) VALUES (id, the_name, the_email)
    ON CONFLICT (customer_id) DO NOTHING;
  IF FOUND THEN
    RETURN 'CREATED';
  END IF;
  PERFORM 1 FROM customers WHERE customer_id = id AND name = the_name AND email = the_email;
  RETURN CASE WHEN FOUND THEN 'SAME' ELSE 'OTHER' END;
END $$;
