#!/bin/sh
# supervise.sh NAME PID_FILE COMMAND...: keeps one process running. When it ends
# it is started again, after 0.2 s at first and then twice as long each time, up
# to 10 s; a run of 10 s or more counts as a fresh start. TERM is passed on to
# the process, once, and ends the supervision. PID_FILE holds the process's id.
set -u

name=$1
pid_file=$2
shift 2

child=
pause=
is_stopping=

log() {
	printf '%s supervisor of %s: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		"$name" "$*" >&2
}

on_term() {
	[ -z "$is_stopping" ] || return 0
	is_stopping=yes
	[ -z "$child" ] || kill -s TERM "$child" 2>/dev/null
	[ -z "$pause" ] || kill -s TERM "$pause" 2>/dev/null
}
trap on_term TERM INT
trap '' HUP

# A trapped signal interrupts wait: then it is asked again. Sets status.
await() {
	while :; do
		wait "$1"
		status=$?
		kill -s 0 "$1" 2>/dev/null || return 0
	done
}

# Should this shell be killed, the kernel passes the news on to the process.
run() {
	setpriv --pdeathsig TERM "$@" &
	child=$!
	# The signal may have come before the process had a number.
	[ -z "$is_stopping" ] || kill -s TERM "$child" 2>/dev/null
	printf '%s\n' "$child" >"$pid_file"
	await "$child"
	child=
	rm -f -- "$pid_file"
}

delay_ms=200
while [ -z "$is_stopping" ]; do
	began=$(date +%s)
	run "$@"
	[ -z "$is_stopping" ] || break
	[ $(($(date +%s) - began)) -lt 10 ] || delay_ms=200
	log "it ended with status $status; starting it again in $delay_ms ms"
	sleep "$((delay_ms / 1000)).$(printf '%03d' $((delay_ms % 1000)))" &
	pause=$!
	await "$pause"
	pause=
	delay_ms=$((delay_ms * 2))
	[ "$delay_ms" -le 10000 ] || delay_ms=10000
done
log "stopped"
