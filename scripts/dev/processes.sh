# shellcheck shell=sh
# Our own processes: the table processes.tab, their environment, and starting
# and stopping them under supervision (supervise.sh).

# processes_each FUNCTION: calls FUNCTION NAME DATABASE PORT for each row.
processes_each() {
	# The table comes on descriptor 3, so that FUNCTION keeps its stdin.
	while read -r name database port_kind <&3; do
		case $name in
		'' | '#'*) continue ;;
		esac
		"$1" "$name" "$database" "$port_kind"
	done 3<"$DEV/processes.tab"
}

print_name() {
	printf '%s\n' "$1"
}

print_name_if_down() {
	pid_alive "$1" || print_name "$1"
}

processes_names() {
	processes_each print_name
}

# process_variable NAME: orders-api gives ORDERS_API, the start of the names of
# its port variables.
process_variable() {
	printf '%s\n' "$1" | tr 'a-z-' 'A-Z_'
}

process_variables() {
	variable=$(process_variable "$1")
	[ "$3" != http ] || printf '%s_PORT ' "$variable"
	printf '%s_ADMIN_PORT\n' "$variable"
}

process_admin_port() {
	eval "printf '%s\n' \"\${$(process_variable "$1")_ADMIN_PORT}\""
}

# Called by stack_pick_process_ports, which sets where to start.
process_pick_ports() {
	variable=$(process_variable "$1")
	if [ "$3" = http ]; then
		pid_alive "$1" || port_pick "${variable}_PORT" "$next_port"
		next_port=$((next_port + 1))
	fi
	pid_alive "$1" || port_pick "${variable}_ADMIN_PORT" "$next_admin_port"
	next_admin_port=$((next_admin_port + 1))
}

# The relay reads every database that has an outbox.
relay_sources() {
	for source in $SERVICES; do
		printf '%s=%s ' "$source" "$(pg_url relay "$source")"
	done
}

# process_export NAME DATABASE PORT: sets the environment; call it in a subshell.
process_export() {
	variable=$(process_variable "$1")
	WB_ADMIN_LISTEN=127.0.0.1:$(process_admin_port "$1")
	if [ "$3" = http ]; then
		eval "WB_HTTP_LISTEN=127.0.0.1:\${${variable}_PORT}"
	fi
	if [ "$2" != - ]; then
		WB_DSN=$(pg_url "$2" "$2")
		WB_AMQP_BROKERS=$(amqp_url "$2")
	fi
	case $1 in
	outbox-relay)
		WB_SOURCES=$(relay_sources)
		WB_AMQP_BROKERS=$(amqp_url relay)
		;;
	payments) WB_PROVIDER_URL=http://127.0.0.1:$PROVIDER_SIM_PORT ;;
	notifications) WB_SMTP_URL=smtp://127.0.0.1:$MAIL_PORT ;;
	esac
	! auth_is_on || auth_export
	export WB_ADMIN_LISTEN WB_HTTP_LISTEN WB_DSN WB_AMQP_BROKERS \
		WB_SOURCES WB_PROVIDER_URL WB_SMTP_URL
}

process_start() {
	if pid_alive "$1"; then
		process_is_current "$1" && return 0
		say "restarting $1: it was built anew"
		pid_stop "$1" TERM 40
	fi
	(
		process_export "$@"
		spawn "$1" "$DEV/supervise.sh" "$1" "$RUN/pid/$1.child" \
			"$ROOT/build/release/bin/$1"
	)
}

# The kernel marks the program of a running process that was replaced.
process_is_current() {
	current_child=$(cat "$RUN/pid/$1.child" 2>/dev/null) || return 0
	case $(readlink "/proc/$current_child/exe" 2>/dev/null) in
	*' (deleted)') return 1 ;;
	*) return 0 ;;
	esac
}

processes_start() {
	down=$(processes_each print_name_if_down | tr '\n' ' ')
	[ -z "$down" ] || say "starting $down"
	processes_each process_start
}

# The services drain by themselves on TERM (30 s at most), all at the same time.
processes_stop() {
	stopping=
	for process in $(processes_names); do
		! pid_signal TERM "$process" || stopping="$stopping $process"
	done
	[ -z "$stopping" ] || say "stopping$stopping"
	for process in $stopping; do
		pid_stop "$process" TERM 40
	done
}

process_is_ready() {
	curl -s -f -o /dev/null --max-time 2 \
		"http://127.0.0.1:$(process_admin_port "$1")/ready"
}

process_await() {
	wait_until 60 process_is_ready "$1" || {
		show_tail "$RUN/log/$1.log"
		die "$1 did not get ready within 60 s" \
			"the whole log is $STACK/log/$1.log"
	}
}

processes_await() {
	processes_each process_await
}
