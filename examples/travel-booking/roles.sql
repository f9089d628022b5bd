-- Roles and databases of the example, made by a superuser before the migrations:
--   psql -v secrets=DIR -f roles.sql postgres
-- Safe to run again. DIR holds one file per role with its password. The role relay,
-- which the outbox's tables are granted to, is that of schema/roles.sql, if it is
-- there already: its password then stays as it is.
\set ON_ERROR_STOP on

\set trips_password `cat :'secrets'/trips`
\set flight_password `cat :'secrets'/flight`
\set hotel_password `cat :'secrets'/hotel`
\set car_password `cat :'secrets'/car`
\set notices_password `cat :'secrets'/notices`
\set relay_password `cat :'secrets'/relay`

CREATE TEMPORARY TABLE wanted_roles (name text PRIMARY KEY, password text NOT NULL CHECK (password <> ''));
INSERT INTO wanted_roles VALUES
  ('trips', :'trips_password'),
  ('flight', :'flight_password'),
  ('hotel', :'hotel_password'),
  ('car', :'car_password'),
  ('notices', :'notices_password'),
  ('relay', :'relay_password');

DELETE FROM wanted_roles USING pg_roles WHERE name = rolname AND name = 'relay';

SELECT format('CREATE ROLE %I', name) FROM wanted_roles
  WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec

SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', name, password) FROM wanted_roles \gexec

SELECT format('CREATE DATABASE %I', 'travel_' || name) FROM wanted_roles
  WHERE name <> 'relay' AND 'travel_' || name NOT IN (SELECT datname FROM pg_database) \gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', 'travel_' || name) FROM wanted_roles
  WHERE name <> 'relay' \gexec

SELECT format('GRANT CONNECT ON DATABASE %I TO %I, relay', 'travel_' || name, name) FROM wanted_roles
  WHERE name <> 'relay' \gexec
