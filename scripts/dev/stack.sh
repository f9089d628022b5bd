# shellcheck shell=sh
# A stack: one directory with everything that runs for it.
#   env            its ports, as shell assignments
#   secrets/       one file per role, with its password (0600)
#   pg/            Postgres' home (a link when the postgres user can't come here)
#   rabbitmq/      RabbitMQ's home and data
#   mail/          what the mail sink has got
#   nginx/         the gateway's rendered configuration
#   log/ pid/      one file per process
#   lock           held by the ./dev that is changing the stack

SECRETS="postgres waybill_owner waybill
	orders catalog customers inventory payments shipping history notifications
	relay"

# Where a stack other than the usual one starts to look for ports: somewhere that
# depends on its path, since two checkouts that look in the same second find the
# same ports free.
stack_shift() {
	case $STACK in
	.run) echo 0 ;;
	*) echo $((100 + $(printf '%s' "$RUN" | cksum | cut -d ' ' -f 1) % 90 * 10)) ;;
	esac
}

# stack_open: makes what is missing, locks the stack, reads what is known of it.
stack_open() {
	umask 077
	mkdir -p "$RUN"
	stack_check_owner
	# Many connections: more files than the usual soft limit allows.
	prlimit --pid $$ --nofile=65536: 2>/dev/null || true
	chmod 755 "$RUN"
	mkdir -p "$RUN/secrets" "$RUN/log" "$RUN/pid" "$RUN/rabbitmq" "$RUN/nginx"
	stack_lock
	for secret in $SECRETS; do
		secret_make "$secret"
	done
	umask 022
	[ ! -r "$RUN/env" ] || stack_read
}

# stack_load: for commands that need a stack which was started before.
stack_load() {
	[ -r "$RUN/env" ] ||
		die "there is no stack in $STACK yet" "./dev up starts one"
	stack_check_owner
	stack_read
}

# Root runs Postgres as another user than everybody else does, and files would
# end up with the wrong owner: a stack stays with who made it.
stack_check_owner() {
	owner=$(stat -c %U "$RUN")
	[ "$owner" = "$(id -un)" ] ||
		die "$STACK belongs to $owner" "run ./dev as $owner"
}

stack_read() {
	# shellcheck source=/dev/null # written by stack_write
	. "$RUN/env"
}

stack_lock() {
	exec 9>"$RUN/lock"
	flock -n 9 || die "another ./dev is at work on $STACK" \
		"wait until it is done"
}

secret_make() {
	[ ! -s "$RUN/secrets/$1" ] || return 0
	od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$RUN/secrets/$1"
}

secret_of() {
	cat "$RUN/secrets/$1"
}

# The variables of env: servers, the gateway, and each process's port for
# its API (if it has one) and for /health, /ready and /metrics.
stack_variables() {
	echo PG_PORT AMQP_PORT MANAGEMENT_PORT DIST_PORT EPMD_PORT MAIL_PORT \
		GATEWAY_PORT
	processes_each process_variables
}

stack_write() {
	for variable in $(stack_variables); do
		eval "value=\${$variable:-}"
		[ -z "$value" ] || printf '%s=%s\n' "$variable" "$value"
	done >"$RUN/env.new"
	mv -f "$RUN/env.new" "$RUN/env"
}

# Ports of servers that run are kept; those of stopped ones are kept if they are
# still free.
stack_pick_server_ports() {
	shift_by=$(stack_shift)
	ports_read
	pid_alive postgres || port_pick PG_PORT $((5432 + shift_by))
	pid_alive mail-sink || port_pick MAIL_PORT $((1025 + shift_by))
	if pid_gone rabbitmq; then
		port_pick AMQP_PORT $((5672 + shift_by))
		port_pick MANAGEMENT_PORT $((15672 + shift_by))
		port_pick DIST_PORT $((25672 + shift_by))
		pid_alive epmd || port_pick EPMD_PORT $((14369 + shift_by))
	fi
	stack_write
}

stack_pick_process_ports() {
	shift_by=$(stack_shift)
	ports_read
	pid_alive nginx || port_pick GATEWAY_PORT $((8080 + shift_by))
	next_port=$((8081 + shift_by))
	next_admin_port=$((9101 + shift_by))
	processes_each process_pick_ports
	stack_write
}

# Deletes the stack: nothing of it may be running any more.
stack_delete() {
	[ -d "$RUN" ] || return 0
	pg_delete_home
	rm -rf -- "$RUN"
}
