#!/bin/sh
# `waybill migrate` on a real Postgres: test_migrate.sh WAYBILL SCHEMA_DIR
# WB_TEST_PG_DSN is a superuser's; each case gets a database of its own. The
# roles that the real schema grants to are made if they are missing.
set -eu

waybill=$1
real_schema=$2
[ -n "${WB_TEST_PG_DSN:-}" ] || { echo "skipped: WB_TEST_PG_DSN is not set"; exit 77; }

db=test_migrate_$$
dir=$(mktemp -d)

# The DSN with another database.
dsn_of() {
	case $WB_TEST_PG_DSN in
	*://*)
		printf '%s' "$WB_TEST_PG_DSN" |
			sed -E "s|^([^/]*//[^/?]*)(/[^?]*)?|\\1/$1|"
		;;
	*) printf '%s dbname=%s' "$WB_TEST_PG_DSN" "$1" ;;
	esac
}

dsn=$(dsn_of "$db")

admin() { psql -XAtqv ON_ERROR_STOP=1 "$WB_TEST_PG_DSN" -c "$1"; }
ask() { psql -XAtqv ON_ERROR_STOP=1 "$dsn" -c "$1"; }

clean_up() {
	admin "DROP DATABASE IF EXISTS $db WITH (FORCE)" || true
	rm -rf "$dir"
}
trap clean_up EXIT

# An empty database and a small schema.
fresh() {
	echo "- $1"
	admin "DROP DATABASE IF EXISTS $db WITH (FORCE)" 2>/dev/null
	admin "CREATE DATABASE $db"
	rm -rf "${dir:?}"/*
	mkdir "$dir/messaging" "$dir/shop"
	echo "CREATE TABLE outbox (id int);" >"$dir/messaging/001_outbox.sql"
	echo "CREATE TABLE item (id int); -- no newline at the end" |
		tr -d '\n' >"$dir/shop/001_item.sql"
	echo "ALTER TABLE item ADD name text; INSERT INTO item VALUES (1, 'a;b');" \
		>"$dir/shop/002_name.sql"
}

migrate() { "$waybill" migrate "--dsn=$dsn" "--schema-dir=$dir" "$@"; }

fail() {
	echo "FAILED: $*"
	[ ! -s "$dir/out" ] || sed 's/^/  out: /' "$dir/out"
	[ ! -s "$dir/err" ] || sed 's/^/  err: /' "$dir/err"
	exit 1
}

# succeeds ARGUMENTS…: the output is in $dir/out
succeeds() {
	migrate "$@" >"$dir/out" 2>"$dir/err" || fail "migrate $* should succeed"
	[ ! -s "$dir/err" ] || fail "migrate $* should say nothing on stderr"
}

# pends ARGUMENTS…: status says that there is something to do, and no more
pends() {
	code=0
	migrate status "$@" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" = 1 ] || fail "migrate status $*: status $code, not 1"
	[ ! -s "$dir/err" ] || fail "migrate status $* should say nothing on stderr"
}

# refuses STATUS TEXT ARGUMENTS…: one line on stderr that holds TEXT
refuses() {
	status=$1 text=$2
	shift 2
	code=0
	migrate "$@" >"$dir/out" 2>"$dir/err" || code=$?
	[ "$code" = "$status" ] || fail "migrate $*: status $code, not $status"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "migrate $*: not one line"
	grep -qF -- "$text" "$dir/err" || fail "migrate $*: no \"$text\""
}

prints() {
	printf '%s\n' "$@" | diff - "$dir/out" || fail "another output expected"
}

fresh "applies everything in order, once"
succeeds shop
prints "applied messaging/001_outbox.sql" "applied shop/001_item.sql" \
	"applied shop/002_name.sql" "shop: up to date (3 migrations)"
succeeds shop
prints "shop: up to date (3 migrations)"
[ "$(ask "SELECT count(*) FROM item")" = 1 ] || fail "002 ran twice"
sum=$(sha256sum "$dir/shop/002_name.sql" | cut -d' ' -f1)
[ "$(ask "SELECT name || ' ' || checksum FROM schema_migrations
	WHERE part = 'shop' AND number = 2 AND applied_at <= now()")" = \
	"002_name.sql $sum" ] || fail "its row is wrong"

fresh "applies what is new"
mv "$dir/shop/002_name.sql" "$dir/kept"
succeeds shop
mv "$dir/kept" "$dir/shop/002_name.sql"
succeeds shop
prints "applied shop/002_name.sql" "shop: up to date (3 migrations)"

fresh "shows the status and changes nothing"
pends shop
prints "SERVICE  APPLIED  PENDING  NEXT" \
	"shop           0        3  messaging/001_outbox.sql"
[ "$(ask "SELECT to_regclass('schema_migrations') IS NULL")" = t ] ||
	fail "status has created the table"
succeeds messaging
pends --json shop
prints '{"services":[{"service":"shop","applied":1,"pending":2,"next":"shop/001_item.sql","error":null}]}'
succeeds --json shop
prints '{"applied":[{"service":"shop","migration":"shop/001_item.sql"},{"service":"shop","migration":"shop/002_name.sql"}]}'
succeeds status shop
prints "SERVICE  APPLIED  PENDING  NEXT" "shop           3        0  -"
succeeds up --json shop
prints '{"applied":[]}'

fresh "messaging alone"
succeeds messaging
prints "applied messaging/001_outbox.sql" "messaging: up to date (1 migrations)"

fresh "two at once"
echo "SELECT pg_sleep(1);" >>"$dir/shop/001_item.sql"
migrate shop >"$dir/first" 2>&1 &
first=$!
succeeds shop
wait "$first" || fail "the first of two failed"
cat "$dir/first" "$dir/out" | sort >"$dir/both"
[ "$(grep -c "^applied" "$dir/both")" = 3 ] || fail "applied: $(cat "$dir/both")"
[ "$(grep -c "up to date (3" "$dir/both")" = 2 ] || fail "$(cat "$dir/both")"

fresh "waits for the other one, but not for ever"
echo "SELECT pg_sleep(600);" >>"$dir/messaging/001_outbox.sql"
migrate shop >"$dir/first" 2>&1 &
first=$!
until [ "$(ask "SELECT count(*) FROM pg_locks l JOIN pg_database d
	ON d.oid = l.database WHERE locktype = 'advisory'
	AND datname = current_database()")" = 1 ]; do sleep 0.05; done
refuses 1 "another migration" --wait-ms=3000 shop
ask "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE application_name = 'waybill migrate' AND datname = current_database()" >/dev/null
! wait "$first" || fail "the first one has lost its session"

fresh "a changed file"
succeeds shop
echo "-- harmless" >>"$dir/shop/001_item.sql"
refuses 1 "shop/001_item.sql was changed" shop
refuses 1 "shop/001_item.sql was changed" status shop

fresh "a database that is newer"
succeeds shop
rm "$dir/shop/002_name.sql"
refuses 1 "newer than these files" shop

fresh "a gap in the database"
succeeds shop
ask "DELETE FROM schema_migrations WHERE part = 'shop' AND number = 1"
refuses 1 "but not number 001" shop

fresh "another service's database"
succeeds shop
mkdir "$dir/bank"
refuses 1 'belongs to "shop"' bank

fresh "wrong files"
mv "$dir/shop/002_name.sql" "$dir/shop/003_name.sql"
refuses 1 "its number should be 002" shop
mv "$dir/shop/003_name.sql" "$dir/shop/001_name.sql"
refuses 1 "its number should be 002" shop
mv "$dir/shop/001_name.sql" "$dir/shop/2_name.sql"
refuses 1 "not called NNN_name.sql" shop
rm "$dir/shop/2_name.sql"
printf 'SELECT 1;\0SELECT 2;' >"$dir/shop/002_nul.sql"
refuses 1 "holds a NUL byte" shop
refuses 1 "No such file" nowhere
[ "$(ask "SELECT to_regclass('outbox') IS NULL")" = t ] ||
	fail "something was applied all the same"

fresh "broken SQL leaves nothing of its file behind"
echo "CREATE TABLE half (id int); SELECT broken;" >"$dir/shop/002_name.sql"
refuses 1 "shop/002_name.sql: column \"broken\" does not exist (42703)" shop
[ "$(ask "SELECT to_regclass('half') IS NULL
	AND to_regclass('item') IS NOT NULL")" = t ] || fail "half is there"
[ "$(ask "SELECT max(number) FROM schema_migrations WHERE part = 'shop'")" = 1 ] ||
	fail "002 has a row"
echo "SELECT 'an open string;" >"$dir/shop/002_name.sql"
refuses 1 "shop/002_name.sql" shop
echo "SELECT 1;" >"$dir/shop/002_name.sql"
succeeds shop
prints "applied shop/002_name.sql" "shop: up to date (3 migrations)"

fresh "a migration past its deadline"
echo "SELECT pg_sleep(30);" >>"$dir/shop/002_name.sql"
refuses 1 "shop/002_name.sql: canceling statement" --file-deadline-ms=200 shop
[ "$(ask "SELECT count(*) FROM schema_migrations")" = 2 ] || fail "002 has a row"

fresh "a session that is ended"
echo "SELECT pg_sleep(30);" >>"$dir/shop/002_name.sql"
(
	until [ "$(ask "SELECT count(pg_terminate_backend(pid))
		FROM pg_stat_activity WHERE wait_event = 'PgSleep'
		AND application_name = 'waybill migrate'
		AND datname = current_database()")" = 1 ]; do sleep 0.05; done
) &
refuses 1 "shop/002_name.sql: terminating connection" shop
wait

fresh "called wrongly"
# One database for several services: before anything is done.
refuses 2 "can't be both"
refuses 2 "can't be both shop and bank" shop bank
[ "$(ask "SELECT to_regclass('schema_migrations') IS NULL")" = t ] ||
	fail "something was applied all the same"
refuses 2 "not a plain name" ../shop
refuses 2 "no-such-flag" --no-such-flag shop

code=0
"$waybill" no-such-command >"$dir/out" 2>"$dir/err" || code=$?
[ "$code $(wc -l <"$dir/err")" = "2 1" ] || fail "waybill no-such-command"
code=0
"$waybill" >"$dir/out" 2>"$dir/err" || code=$?
[ "$code $(wc -l <"$dir/err")" = "2 1" ] || fail "waybill alone"
"$waybill" --help >"$dir/out" || fail "waybill --help"
grep -q "^  migrate " "$dir/out" || fail "--help without the commands"
succeeds up --help
grep -q -- "--schema-dir" "$dir/out" || fail "migrate up --help"

fresh "no server"
code=0
"$waybill" migrate "--dsn=host=127.0.0.1 port=1" "--schema-dir=$dir" \
	--wait-ms=300 shop >"$dir/out" 2>"$dir/err" || code=$?
[ "$code" = 1 ] || fail "status $code without a server"
grep -q "refused" "$dir/err" || fail "no reason given"

fresh "the real schema of every service"
admin "DO \$\$ DECLARE name text; BEGIN
	FOREACH name IN ARRAY ARRAY['waybill_owner', 'relay', 'orders', 'catalog',
		'customers', 'inventory', 'payments', 'shipping', 'history',
		'notifications'] LOOP
		IF to_regrole(name) IS NULL THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', name);
		END IF;
	END LOOP; END \$\$"
for part in "$real_schema"/*/; do
	service=$(basename "$part")
	ls "$part"[0-9]*.sql >/dev/null 2>&1 || continue # no migrations
	admin "DROP DATABASE IF EXISTS $db WITH (FORCE)" 2>/dev/null
	admin "CREATE DATABASE $db"
	"$waybill" migrate "--dsn=$dsn" "--schema-dir=$real_schema" "$service" \
		>"$dir/out" 2>"$dir/err" || fail "$service"
	"$waybill" migrate "--dsn=$dsn" "--schema-dir=$real_schema" "$service" \
		>"$dir/out" 2>"$dir/err" || fail "$service again"
done
echo "all passed"
