# shellcheck shell=sh
# ./dev test: the sanitized build, and servers of its own in .run-test, made anew
# each time and stopped at the end. The logs stay for whoever wants to know why.

TEST_WORDS="[unit|integration|contracts|model|faults [relay]|fuzz [seconds]|compose|debian12|debian13]"

# Arguments behind the words go to ctest: ./dev test unit -R backoff
cmd_test() {
	if [ "${1:-}" = fuzz ]; then
		shift
		cmd_fuzz "$@"
		return 0
	fi
	label='^(unit|integration|contracts|model|faults|fuzz)$'
	topic=.
	case ${1:-} in
	'' | -*) ;;
	compose)
		shift
		test_compose "$@"
		return 0
		;;
	debian12 | debian13)
		test_platform "$@"
		return 0
		;;
	unit | integration | contracts | model | faults)
		label="^$1\$"
		shift
		;;
	*) die "there are no $1 tests" "./dev test $TEST_WORDS" 2 ;;
	esac
	case $label${1:-} in
	"^faults\$relay")
		topic='^relay$'
		shift
		;;
	'^faults$'[!-]*) die "there are no faults tests of $1" \
		"./dev test $TEST_WORDS" 2 ;;
	esac
	packages_ensure
	case $label in
	'^unit$') build_preset dev ;;
	'^model$') build_configure dev ;;
	*) test_with_servers ;;
	esac
	say "running the tests"
	test_status=0
	rm -f "$ROOT"/build/dev/tests/model/*.line
	ctest --test-dir "$ROOT/build/dev" --output-on-failure --parallel 2 \
		--no-tests=error -L "$label" -L "$topic" "$@" ||
		test_status=$?
	[ "$label" != '^model$' ] || test_show_model
	return "$test_status"
}

# ./dev test fuzz [SECONDS]: each target for so long, from the corpus in
# tests/fuzz/ and what earlier runs have found (in build/fuzz/corpus/).
cmd_fuzz() {
	fuzz_seconds=${1:-60}
	case $fuzz_seconds in
	*[!0-9]*) die "./dev test fuzz takes a number of seconds" \
		"./dev test fuzz 60" 2 ;;
	esac
	PACKAGES="$PACKAGES clang"
	packages_ensure
	build_preset fuzz --target fuzz_router fuzz_order fuzz_jwt
	for fuzz_target in "$ROOT"/tests/fuzz/corpus/*; do
		fuzz_run "$(basename "$fuzz_target")"
	done
}

fuzz_run() {
	say "fuzzing $1 for $fuzz_seconds s"
	fuzz_log=$ROOT/build/fuzz/$1.log
	mkdir -p "$ROOT/build/fuzz/corpus/$1" "$ROOT/build/fuzz/found"
	"$ROOT/build/fuzz/bin/fuzz_$1" -max_total_time="$fuzz_seconds" \
		-timeout=10 -rss_limit_mb=2048 -max_len=8192 \
		-print_final_stats=1 -artifact_prefix="$ROOT/build/fuzz/found/$1-" \
		"$ROOT/build/fuzz/corpus/$1" "$ROOT/tests/fuzz/corpus/$1" \
		>"$fuzz_log" 2>&1 || {
		show_tail "$fuzz_log" 40
		die "fuzz_$1 failed" "the input is in build/fuzz/found/; mended,\
 it belongs into tests/fuzz/corpus/$1/"
	}
	note "$(awk '/number_of_executed_units/ { print $2 " inputs" }' "$fuzz_log")"
}

# A line per variant: what holds, then what breaks where something is left out.
test_show_model() {
	say "verdicts"
	cat "$ROOT"/build/dev/tests/model/*.line | LC_ALL=C sort -s -k 2b,2r
}

test_with_servers() {
	STACK=.run-test
	RUN=$ROOT/$STACK
	stack_open
	trap test_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	servers_stop
	pg_delete_home
	rm -rf -- "$RUN/pg" "$RUN/rabbitmq/data"
	servers_launch
	build_preset dev
	servers_await
	roles_apply
	test_export
}

# What the tests in tests/integration and tests/contracts are told.
test_export() {
	WB_TEST_PG_DSN=$(pg_url postgres postgres)
	WB_TEST_AMQP_URL=$(amqp_url waybill)
	WB_TEST_MGMT_URL=$(management_url)
	export WB_TEST_PG_DSN WB_TEST_AMQP_URL WB_TEST_MGMT_URL
	export WB_TEST_BIN="$ROOT/build/dev/bin" WB_TEST_RUN="$RUN"
	export WB_TEST_PG_CTL="$DEV/test-pg-ctl"
	export WB_TEST_RABBIT_CTL="$DEV/test-rabbit-ctl"
}

# In silence: the last lines are ctest's summary.
test_end() {
	test_status=$?
	trap - EXIT
	servers_stop >/dev/null 2>&1 || true
	stop_strays
	exit "$test_status"
}
