# shellcheck shell=sh
# ./dev status and ./dev logs.

# uptime_of PID, in seconds.
uptime_of() {
	awk -v birth="$(pid_birth "$1")" -v hz="$(getconf CLK_TCK)" \
		'{ printf "%d\n", $1 - birth / hz }' /proc/uptime
}

# status_line NAME PID READY: PID is empty when it does not run.
status_line() {
	if [ -z "$2" ]; then
		printf '%-18s %8s %9s  %s\n' "$1" - - down
		status=1
		return 0
	fi
	printf '%-18s %8s %8ss  %s\n' "$1" "$2" "$(uptime_of "$2")" "$3"
	[ "$3" = ready ] || status=1
}

ready_word() {
	if "$@" >/dev/null 2>&1; then
		echo ready
	else
		echo "not ready"
	fi
}

# The word ready, or which dependency is not, and why.
process_state() {
	curl -s --max-time 2 "http://127.0.0.1:$(process_admin_port "$1")/ready" |
		jq -r 'if .status == "ready" then "ready" else
			"not ready: " + ([.dependencies[] | select(.ready | not) |
			.name + " (" + .detail + ")"] | join(", ")) end' \
			2>/dev/null || echo "not ready"
}

# The process that is supervised, not its supervisor.
child_of() {
	pid_alive "$1" || return 0
	cat "$RUN/pid/$1.child" 2>/dev/null || true
}

status_process() {
	child=$(child_of "$1")
	status_line "$1" "$child" "${child:+$(process_state "$1")}"
}

status_queues() {
	queues=$(management '/queues?columns=name,messages,consumers') || {
		status=1
		return 0
	}
	printf '\n%-18s %9s %10s\n' QUEUE MESSAGES CONSUMERS
	printf '%s\n' "$queues" |
		jq -r '.[] | [.name, .messages // 0, .consumers // 0] | @tsv' |
		while read -r queue messages consumers; do
			printf '%-18s %9s %10s\n' "$queue" "$messages" "$consumers"
		done
}

cmd_status() {
	stack_load
	status=0
	printf '%-18s %8s %9s  %s\n' PROCESS PID UPTIME STATE
	status_line postgres "$(pid_of postgres || true)" \
		"$(ready_word pg_is_ready)"
	status_line rabbitmq "$(pid_of rabbitmq || true)" \
		"$(ready_word rabbitmq_is_ready)"
	status_line mail-sink "$(child_of mail-sink)" \
		"$(ready_word mail_sink_is_ready)"
	processes_each status_process
	status_line nginx "$(child_of nginx)" "$(ready_word gateway_is_open)"
	! pid_alive rabbitmq || status_queues
	exit "$status"
}

# Somebody who watches gets new lines as they come.
cmd_logs() {
	stack_load
	follow=
	[ ! -t 1 ] || follow=-F
	if [ $# -eq 0 ]; then
		# shellcheck disable=SC2086 # one word or none
		exec tail -n 20 $follow -- "$RUN"/log/*.log
	fi
	[ -r "$RUN/log/$1.log" ] || die "there is no log of $1" \
		"there are: $(cd "$RUN/log" && echo *.log | sed 's/\.log//g')" 2
	# shellcheck disable=SC2086 # one word or none
	exec tail -n 100 $follow -- "$RUN/log/$1.log"
}
