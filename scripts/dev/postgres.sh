# shellcheck shell=sh
# The private Postgres of a stack. It refuses to run as root: then it runs as
# the user postgres that Debian's package makes. pg/ is its home; where that
# user can't reach it (a clone below /root, say), pg/ is a link to a directory
# in /var/lib that it can.

PG_OUTSIDE=/var/lib/waybill-dev

as_postgres() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
	else
		"$@"
	fi
}

# pg_tool NAME: the path of one of the server's programs, of the version that
# made the data.
pg_tool() {
	if [ -r "$RUN/pg/data/PG_VERSION" ]; then
		read -r pg_version <"$RUN/pg/data/PG_VERSION"
		pg_path=/usr/lib/postgresql/$pg_version/bin/$1
	else
		pg_path=$(find /usr/lib/postgresql -path "*/bin/$1" | sort -V |
			tail -n 1)
	fi
	[ -x "$pg_path" ] || die "Postgres ${pg_version:-} is not installed" \
		"the data was made by another version? ./dev reset starts anew"
	printf '%s\n' "$pg_path"
}

pg_make_home() {
	[ ! -d "$RUN/pg" ] || return 0
	rm -f -- "$RUN/pg"
	mkdir -m 700 "$RUN/pg"
	[ "$(id -u)" -eq 0 ] || return 0
	chown postgres: "$RUN/pg"
	if as_postgres test -w "$RUN/pg"; then
		return 0
	fi
	rmdir "$RUN/pg"
	pg_outside=$PG_OUTSIDE/$(printf '%s' "$RUN" | cksum | tr ' ' -)
	rm -rf -- "$pg_outside"
	mkdir -p "$pg_outside"
	chown postgres: "$pg_outside"
	chmod 700 "$pg_outside"
	ln -s "$pg_outside" "$RUN/pg"
	note "the data is in $pg_outside: the user postgres can't enter $RUN"
}

# Only what pg_make_home made outside is deleted outside.
pg_delete_home() {
	[ -L "$RUN/pg" ] || return 0
	pg_outside=$(readlink "$RUN/pg")
	case $pg_outside in
	"$PG_OUTSIDE"/*)
		rm -rf -- "$pg_outside"
		rmdir --ignore-fail-on-non-empty "$PG_OUTSIDE"
		;;
	esac
}

pg_init() {
	[ ! -s "$RUN/pg/data/PG_VERSION" ] || return 0
	say "making a Postgres cluster in $STACK/pg"
	pg_make_home
	pg_home=$(cd "$RUN/pg" && pwd -P)
	secret_of postgres >"$pg_home/password"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$pg_home/password"
	initdb=$(pg_tool initdb)
	(cd / && as_postgres "$initdb" -D "$pg_home/data" -U postgres \
		--pwfile="$pg_home/password" --auth=scram-sha-256 \
		--encoding=UTF8 --locale=C.UTF-8) >>"$RUN/log/initdb.log" 2>&1 || {
		show_tail "$RUN/log/initdb.log"
		die "Postgres' initdb failed"
	}
	rm -f -- "$pg_home/password"
	echo "include 'waybill.conf'" >>"$pg_home/data/postgresql.conf"
}

# shellcheck disable=SC2153 # PGPORT is libpq's, PG_PORT is ours
pg_configure() {
	cat >"$RUN/pg/data/waybill.conf" <<TEXT
listen_addresses = '127.0.0.1'
port = $PG_PORT
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
fsync = on
log_line_prefix = '%m [%p] %q%a %u@%d '
TEXT
	# Postgres has none by default; a test leaves one behind.
	[ "$STACK" != .run-test ] ||
		echo "max_prepared_transactions = 2" \
			>>"$RUN/pg/data/waybill.conf"
	chmod 644 "$RUN/pg/data/waybill.conf"
}

pg_launch() {
	! pid_alive postgres || return 0
	pg_init
	pg_configure
	say "starting Postgres on 127.0.0.1:$PG_PORT"
	pg_program=$(pg_tool postgres)
	if [ "$(id -u)" -eq 0 ]; then
		spawn postgres setpriv --reuid=postgres --regid=postgres \
			--clear-groups "$pg_program" -D "$(cd "$RUN/pg" && pwd -P)/data"
	else
		spawn postgres "$pg_program" -D "$RUN/pg/data"
	fi
}

pg_is_ready() {
	pid_gone postgres ||
		"$(pg_tool pg_isready)" -q -h 127.0.0.1 -p "$PG_PORT"
}

pg_await() {
	# After a crash it first reads its log again.
	wait_until 300 pg_is_ready || pg_failed "did not get ready within 300 s"
	pid_alive postgres || pg_failed "ended while it started"
}

pg_failed() {
	show_tail "$RUN/log/postgres.log"
	die "Postgres $1" "the whole log is $STACK/log/postgres.log"
}

# pg_psql DATABASE ARGUMENT...: as the superuser.
pg_psql() {
	pg_database=$1
	shift
	PGPASSWORD=$(secret_of postgres) "$(pg_tool psql)" -X -q \
		-v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PG_PORT" -U postgres \
		-d "$pg_database" "$@"
}

cmd_psql() {
	stack_load
	[ $# -gt 0 ] || die "which database?" "one of: postgres $SERVICES" 2
	pg_psql "$@"
}

# pg_url ROLE DATABASE: holds the password, so never for a command line.
pg_url() {
	printf 'postgres://%s:%s@127.0.0.1:%s/%s\n' \
		"$1" "$(secret_of "$1")" "$PG_PORT" "$2"
}

# INT: fast shutdown, which does not wait for clients.
pg_stop() {
	! pid_alive postgres || say "stopping Postgres"
	pid_stop postgres INT 60
}
