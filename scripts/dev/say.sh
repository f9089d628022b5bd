# shellcheck shell=sh
# How ./dev speaks: short lines while it works, one clear sentence when it fails.

say() {
	printf '==> %s\n' "$*"
}

note() {
	printf '    %s\n' "$*"
}

# die SENTENCE [HINT [EXIT_STATUS]]
die() {
	printf 'dev: %s\n' "$1" >&2
	[ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
	exit "${3:-1}"
}

# The last lines of a log, to stand above a die.
show_tail() {
	[ -s "$1" ] || return 0
	printf -- '--- the end of %s\n' "$1" >&2
	tail -n "${2:-15}" -- "$1" >&2
	printf -- '---\n' >&2
}

# wait_until SECONDS COMMAND...: tries ten times a second; false when the time
# is over.
wait_until() {
	wait_deadline=$(($(date +%s) + $1))
	shift
	while ! "$@"; do
		[ "$(date +%s)" -lt "$wait_deadline" ] || return 1
		sleep 0.1
	done
}
