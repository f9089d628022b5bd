#!/bin/sh
# Makes the cluster if there is none, then runs what it is given.
set -eu
if [ "$1" = postgres ]; then
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		# shellcheck disable=SC2086 # a list of words
		initdb -D "$PGDATA" -U postgres \
			--pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
		echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
		echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
	fi
fi
exec "$@"
