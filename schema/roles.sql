-- Roles and databases, made by a superuser before the migrations (psql):
--   psql -v secrets=DIR -f schema/roles.sql postgres
-- Safe to run again: it creates what is missing and sets the passwords anew.
-- DIR holds one file per role with its password. With -v only=SERVICE it makes
-- what that service needs and no more, for a server of its own.
--
-- waybill_owner owns the databases and, as it runs the migrations, all that is
-- in them. A service logs in as a role of its own name, may connect to its own
-- database only (of those made here), owns nothing, and gets from the migrations
-- what it needs. relay may connect to every database that has an outbox.
\set ON_ERROR_STOP on

\set owner_password `cat :'secrets'/waybill_owner`
\set orders_password `cat :'secrets'/orders`
\set catalog_password `cat :'secrets'/catalog`
\set customers_password `cat :'secrets'/customers`
\set inventory_password `cat :'secrets'/inventory`
\set payments_password `cat :'secrets'/payments`
\set shipping_password `cat :'secrets'/shipping`
\set history_password `cat :'secrets'/history`
\set notifications_password `cat :'secrets'/notifications`
\set relay_password `cat :'secrets'/relay`

CREATE TEMPORARY TABLE wanted_roles (
  name        text PRIMARY KEY,
  password    text NOT NULL CHECK (password <> ''),
  is_service  boolean NOT NULL
);
INSERT INTO wanted_roles VALUES
  ('waybill_owner', :'owner_password', false),
  ('relay', :'relay_password', false),
  ('orders', :'orders_password', true),
  ('catalog', :'catalog_password', true),
  ('customers', :'customers_password', true),
  ('inventory', :'inventory_password', true),
  ('payments', :'payments_password', true),
  ('shipping', :'shipping_password', true),
  ('history', :'history_password', true),
  ('notifications', :'notifications_password', true);

\if :{?only}
DELETE FROM wanted_roles WHERE is_service AND name <> :'only';
\endif

SELECT format('CREATE ROLE %I', name) FROM wanted_roles
  WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec

SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L',
              name, password) FROM wanted_roles \gexec

SELECT format('CREATE DATABASE %I OWNER waybill_owner', name) FROM wanted_roles
  WHERE is_service AND name NOT IN (SELECT datname FROM pg_database) \gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name) FROM wanted_roles
  WHERE is_service \gexec

SELECT format('GRANT CONNECT ON DATABASE %1$I TO %1$I, relay', name) FROM wanted_roles
  WHERE is_service \gexec

-- The relay, and `waybill outbox`, tell who holds the oldest open transaction.
GRANT pg_read_all_stats TO relay, waybill_owner;
