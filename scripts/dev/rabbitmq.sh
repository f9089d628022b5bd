# shellcheck shell=sh
# The private RabbitMQ of a stack: node, data, cookie, distribution port and
# port mapper (epmd) of its own, so that it meets no other Erlang node here.

RABBITMQ_BIN=/usr/lib/rabbitmq/bin

rabbitmq_configure() {
	rabbitmq_home=$RUN/rabbitmq
	umask 077
	cat >"$rabbitmq_home/rabbitmq.conf" <<TEXT
listeners.tcp.1 = 127.0.0.1:$AMQP_PORT
management.tcp.ip = 127.0.0.1
management.tcp.port = $MANAGEMENT_PORT
default_user = waybill
default_pass = $(secret_of waybill)
disk_free_limit.absolute = 100MB
log.console = true
log.file = false
TEXT
	# The write-ahead log takes up to 512 MB by default: more than a short
	# test run deserves.
	[ "$STACK" = .run ] ||
		echo "raft.wal_max_size_bytes = 64000000" \
			>>"$rabbitmq_home/rabbitmq.conf"
	# Lower than the relay's own limit, so that a test meets the broker's.
	[ "$STACK" != .run-test ] ||
		echo "max_message_size = 5000000" \
			>>"$rabbitmq_home/rabbitmq.conf"
	printf 'machine 127.0.0.1 login waybill password %s\n' \
		"$(secret_of waybill)" >"$RUN/secrets/management.netrc"
	umask 022
	echo "[rabbitmq_management]." >"$rabbitmq_home/enabled_plugins"
	: >"$rabbitmq_home/empty"
}

# Sets the node's environment: call it in a subshell.
rabbitmq_export() {
	export HOME="$RUN/rabbitmq"
	export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$EPMD_PORT"
	export ERL_CRASH_DUMP="$RUN/log/erl_crash.dump"
	export RABBITMQ_NODENAME=waybill@localhost
	export RABBITMQ_DIST_PORT="$DIST_PORT"
	export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
	# Its schedulers are not bound to a core each, as they are by default: here
	# others want that core too.
	export RABBITMQ_SCHEDULER_BIND_TYPE=u
	export RABBITMQ_MNESIA_BASE="$RUN/rabbitmq/data"
	export RABBITMQ_LOG_BASE="$RUN/log"
	export RABBITMQ_PID_FILE="$RUN/rabbitmq/node.pid"
	export RABBITMQ_CONFIG_FILE="$RUN/rabbitmq/rabbitmq.conf"
	export RABBITMQ_CONFIG_FILES="$RUN/rabbitmq/conf.d"
	export RABBITMQ_ADVANCED_CONFIG_FILE="$RUN/rabbitmq/advanced.config"
	export RABBITMQ_CONF_ENV_FILE="$RUN/rabbitmq/empty"
	export RABBITMQ_ENABLED_PLUGINS_FILE="$RUN/rabbitmq/enabled_plugins"
}

rabbitmq_launch() {
	! pid_alive rabbitmq || return 0
	rabbitmq_configure
	say "starting RabbitMQ on 127.0.0.1:$AMQP_PORT"
	rm -f -- "$RUN/rabbitmq/node.pid"
	(
		rabbitmq_export
		# Ours to start and so ours to stop: the node would leave it behind.
		pid_alive epmd || spawn epmd epmd -port "$EPMD_PORT"
		spawn rabbitmq "$RABBITMQ_BIN/rabbitmq-server"
	)
}

# management PATH [CURL_OPTION...]: asks the management API; the password stays
# off the command line.
management() {
	management_path=$1
	shift
	curl -s -S -f --max-time 10 --netrc-file "$RUN/secrets/management.netrc" \
		"$@" "http://127.0.0.1:$MANAGEMENT_PORT/api$management_path"
}

rabbitmq_is_ready() {
	pid_gone rabbitmq ||
		management "/health/checks/port-listener/$AMQP_PORT" \
			>/dev/null 2>&1
}

rabbitmq_await() {
	wait_until 120 rabbitmq_is_ready ||
		rabbitmq_failed "did not get ready within 120 s"
	pid_alive rabbitmq || rabbitmq_failed "ended while it started"
}

rabbitmq_failed() {
	show_tail "$RUN/log/rabbitmq.log"
	die "RabbitMQ $1" "the whole log is $STACK/log/rabbitmq.log"
}

# amqp_url USER: holds the password, so never for a command line.
amqp_url() {
	printf 'amqp://%s:%s@127.0.0.1:%s/%%2f\n' \
		"$1" "$(secret_of "$1")" "$AMQP_PORT"
}

# management_url: holds the password too.
management_url() {
	printf 'http://waybill:%s@127.0.0.1:%s\n' \
		"$(secret_of waybill)" "$MANAGEMENT_PORT"
}

# The broker's own command line: ./dev rabbitmqctl list_queues
cmd_rabbitmqctl() {
	stack_load
	rabbitmq_export
	exec "$RABBITMQ_BIN/rabbitmqctl" "$@"
}

rabbitmq_stop() {
	! pid_alive rabbitmq || say "stopping RabbitMQ"
	pid_stop rabbitmq TERM 60
	pid_stop epmd TERM 10
}

# As if the power failed: the node itself, not the script that waits for it.
rabbitmq_kill() {
	pid_alive rabbitmq || return 0
	kill -s KILL "$(cat "$RUN/rabbitmq/node.pid")"
	wait_until 10 pid_gone rabbitmq || die "RabbitMQ can't be killed"
}
