# shellcheck shell=sh
# ./dev start, stop, restart, kill: one part of a stack, a server or a process.

part_is_process() {
	processes_names | grep -qxF -- "$1"
}

# part_server ACTION NAME: calls its function, mail_sink_stop for mail-sink.
part_server() {
	"$(printf '%s_%s' "$2" "$1" | tr - _)"
}

start_if_wanted() {
	[ "$1" != "$wanted" ] || process_start "$@"
}

part_start() {
	if part_is_process "$1"; then
		say "starting $1"
		wanted=$1
		processes_each start_if_wanted
		process_await "$1"
	else
		part_server start "$1"
	fi
}

part_stop() {
	if part_is_process "$1"; then
		say "stopping $1"
		pid_stop "$1" TERM 40
	else
		part_server stop "$1"
	fi
}

# A process that is killed comes back: its supervisor starts it again.
part_kill() {
	say "killing $1"
	if part_is_process "$1"; then
		pid_alive "$1" || die "$1 does not run" "./dev start $1"
		kill -s KILL "$(cat "$RUN/pid/$1.child")"
	else
		part_server kill "$1"
	fi
}

# cmd_part ACTION NAME
cmd_part() {
	part=${2:-}
	case $part in
	postgres | rabbitmq | mail-sink) ;;
	*)
		part_is_process "$part" ||
			die "$1 what?${part:+ There is no $part.}" \
				"one of: postgres rabbitmq mail-sink $(processes_names | tr '\n' ' ')" 2
		;;
	esac
	stack_load
	case $1 in
	restart)
		part_stop "$part"
		part_start "$part"
		;;
	*) "part_$1" "$part" ;;
	esac
}
