# shellcheck shell=sh
# ./dev bench: the release build, and servers of its own in .run-bench, made anew
# each time; at the end they are stopped and their data is deleted, the logs
# stay. What is measured, and beside what, is in bench/.

BENCH_USAGE="./dev bench relay|storage|accept|consumer|saga [--full (not saga)] [--json FILE]"
# Databases that the measured ones are copies of: any that has an outbox; and that
# of orders-api.
BENCH_TEMPLATE=customers
BENCH_ORDERS=orders

cmd_bench() {
	bench=${1:-}
	case $bench in
	relay | storage | accept | saga | consumer) ;;
	*) die "there is no bench${bench:+ $bench}" "$BENCH_USAGE" 2 ;;
	esac
	shift
	bench_check "$@"
	packages_ensure
	bench_with_servers
	bench_export
	say "measuring; meanwhile this machine should do nothing else"
	/usr/bin/python3 -B "$ROOT/bench/$bench.py" "$@" 9>&-
}

# Before anything is built: what is wrong with the arguments?
bench_check() {
	while [ $# -gt 0 ]; do
		case $1 in
		--full)
			[ "$bench" != saga ] || die "saga has no --full" \
				"$BENCH_USAGE" 2
			;;
		--json)
			[ $# -gt 1 ] || die "--json which file?" \
				"$BENCH_USAGE" 2
			[ -w "$(dirname -- "$2")" ] ||
				die "$2 can't be written" "$BENCH_USAGE" 2
			shift
			;;
		*) die "what is $1?" "$BENCH_USAGE" 2 ;;
		esac
		shift
	done
}

bench_with_servers() {
	STACK=.run-bench
	RUN=$ROOT/$STACK
	stack_open
	trap bench_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	servers_stop
	bench_delete_data
	pg_init
	# For the peer that reads the write-ahead log.
	echo "wal_level = logical" >>"$RUN/pg/data/postgresql.conf"
	servers_launch
	build_preset release
	servers_await
	roles_apply
	SERVICES="$BENCH_TEMPLATE $BENCH_ORDERS"
	migrate
}

# What bench/*.py are told.
bench_export() {
	WB_BENCH_PG_DSN=$(pg_url postgres postgres)
	WB_BENCH_PG_BIN=$(dirname -- "$(pg_tool pgbench)")
	WB_BENCH_AMQP_URL=$(amqp_url waybill)
	WB_BENCH_MGMT_URL=$(management_url)
	export WB_BENCH_PG_DSN WB_BENCH_PG_BIN WB_BENCH_AMQP_URL
	export WB_BENCH_MGMT_URL
	export WB_BENCH_BIN="$ROOT/build/release/bin" WB_BENCH_RUN="$RUN"
	export WB_BENCH_TEMPLATE="$BENCH_TEMPLATE"
}

bench_delete_data() {
	pg_delete_home
	rm -rf -- "$RUN/pg" "$RUN/rabbitmq/data"
}

# In silence: the last lines are the table.
bench_end() {
	bench_status=$?
	trap - EXIT
	servers_stop >/dev/null 2>&1 || true
	stop_strays
	bench_delete_data
	exit "$bench_status"
}
