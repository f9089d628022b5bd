# shellcheck shell=sh
# Processes of a stack and the files that remember them: pid/NAME holds the
# process id and its start time, so that an id that the kernel has given to
# somebody else meanwhile is never signalled.

# Start time in clock ticks since boot: field 22 of /proc/PID/stat, counted from
# behind the command name, which may hold anything. A zombie has none.
pid_birth() {
	[ -r "/proc/$1/stat" ] || return 1
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null |
		awk '$1 != "Z" { print $20 }'
}

# pid_keep NAME PID
pid_keep() {
	printf '%s %s\n' "$2" "$(pid_birth "$2")" >"$RUN/pid/$1"
}

# Prints the id of NAME's process if it is alive, else fails.
pid_of() {
	[ -r "$RUN/pid/$1" ] || return 1
	read -r pid birth <"$RUN/pid/$1" || return 1
	[ -n "$birth" ] && [ "$(pid_birth "$pid")" = "$birth" ] || return 1
	printf '%s\n' "$pid"
}

pid_alive() {
	pid_of "$1" >/dev/null
}

pid_gone() {
	! pid_alive "$1"
}

# pid_signal SIGNAL NAME: false if there is no such process any more.
pid_signal() {
	pid_target=$(pid_of "$2") || return 1
	kill -s "$1" "$pid_target" 2>/dev/null
}

# pid_kill NAME: with all of its session (see spawn): what it has started would
# outlive it.
pid_kill() {
	pid_leader=$(pid_of "$1") || return 0
	for pid_stat in /proc/[0-9]*/stat; do
		[ "$(sed 's/.*) //' "$pid_stat" 2>/dev/null |
			awk '{ print $4 }')" = "$pid_leader" ] || continue
		pid_member=${pid_stat#/proc/}
		kill -s KILL "${pid_member%/stat}" 2>/dev/null || true
	done
}

# pid_stop NAME SIGNAL SECONDS: asks, waits, and in the end insists.
pid_stop() {
	pid_signal "$2" "$1" || return 0
	if ! wait_until "$3" pid_gone "$1"; then
		note "$1 did not stop within $3 s: killed"
		pid_kill "$1"
		wait_until 10 pid_gone "$1" || die "$1 can't be stopped"
	fi
	rm -f -- "$RUN/pid/$1"
}

# spawn NAME COMMAND...: starts it in a session of its own, with its output in
# log/NAME.log and without the table (file descriptor 3)
# and the lock (9) of this ./dev.
spawn() {
	spawn_name=$1
	shift
	setsid "$@" </dev/null >>"$RUN/log/$spawn_name.log" 2>&1 3>&- 9>&- &
	pid_keep "$spawn_name" $!
}

# A test or a bench that is killed can't stop what it has started. Those processes
# are known by the environment that test_export or bench_export gave them.
stop_strays() {
	strays=
	for environment in /proc/[0-9]*/environ; do
		grep -qzxF -e "WB_TEST_RUN=$RUN" -e "WB_BENCH_RUN=$RUN" \
			"$environment" 2>/dev/null || continue
		stray=${environment#/proc/}
		strays="$strays ${stray%/environ}"
	done
	# shellcheck disable=SC2086 # a list of ids
	[ -z "$strays" ] || kill -s KILL $strays 2>/dev/null || true
}
