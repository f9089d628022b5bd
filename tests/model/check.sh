#!/bin/sh
# Has spin try every way through the model:
#
#   check.sh DIRECTORY NAME holds [-D...]        no invariant breaks, and every line
#                                                of the model is reached by some way
#   check.sh DIRECTORY NAME rests -DTO_REST      no way goes on for ever
#   check.sh DIRECTORY NAME breaks WHAT -D...    the invariant WHAT breaks; then the
#                                                shortest way to it is told
#
# DIRECTORY is for what it makes. DIRECTORY/NAME.line is the verdict in a line.
set -eu

MODEL=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)/saga.pml
# An order for which nothing can happen any more. Spin names it itself, all others
# by the comment behind an assertion.
STRANDED="every order ends (stranded)"

fail() {
	echo "$NAME: $*" >&2
	exit 1
}

# What is there of a search that it has not finished proves nothing.
search() {
	spin -a "$@" "$MODEL" >spin.log 2>&1 || {
		cat spin.log >&2
		fail "spin can't read the model"
	}
	# shellcheck disable=SC2086 # a list of words
	"${CC:-cc}" -w -O2 -DMEMLIM=4000 $PAN_FLAGS -o pan pan.c
	# shellcheck disable=SC2086 # a list of words
	./pan $PAN_ARGS >pan.log 2>&1 || true
	grep -q 'errors: [0-9]' pan.log || {
		cat pan.log >&2
		fail "the search did not end"
	}
	! grep -Eq 'max search depth too small|reached -DMEMLIM' pan.log ||
		fail "the search is not exhaustive: see $PWD/pan.log"
}

expect_none() {
	grep -q 'errors: 0$' pan.log && return 0
	tell_story "$@" >&2
	fail "broken: $(what_broke)"
}

# "states, seconds, megabytes"
size() {
	awk '
		/ states, stored/ { states = $1 }
		/elapsed time/ { seconds = $4 }
		/total actual memory/ { mb = $1 }
		END { printf "%d states, %.1f s, %d MB", states, seconds, mb }
		' pan.log
}

# A line that no way reaches would never be checked. Those that must not be reached
# say assert(false).
expect_all_reached() {
	dead=$(grep ', state [0-9]*, "' pan.log |
		grep -v -e '"assert(0)"$' -e '"-end-"$') || return 0
	fail "never reached:
$dead"
}

# The invariant that a search broke; after tell_story.
what_broke() {
	case $(sed -n 's/^pan:1: //p' pan.log) in
	'invalid end state'*) echo "$STRANDED" ;;
	'assertion violated'*)
		at=$(sed -n 's/^spin: \(.*\), Error: assertion.*/\1/p' \
			trail.log | head -n 1)
		sed -n "${at##*:}s|.*/\\* \\(.*\\) \\*/.*|\\1|p" "${at%:*}"
		;;
	*) sed -n 's/^pan:1: //p' pan.log ;;
	esac
}

# Each line is a step, but for those that begin with a blank: a step's remark.
tell_story() {
	spin -T -t -k saga.pml.trail "$@" "$MODEL" >trail.log 2>&1 || true
	sed '/^spin: trail ends/,$d; /^spin:/d' trail.log | tee story.txt
}

steps() {
	grep -c '^[^ ]' story.txt
}

verdict() {
	printf '%-24s %s\n' "$NAME" "$*" | tee "../$NAME.line"
}

command -v spin >/dev/null || {
	echo "there is no spin here"
	exit 77
}
NAME=$2
MODE=$3
rm -rf -- "${1:?}/$NAME" "$1/$NAME.line"
mkdir -p "$1/$NAME"
cd "$1/$NAME"
shift 3
case $MODE in
holds)
	PAN_FLAGS=-DSAFETY PAN_ARGS=-m100000
	search "$@"
	expect_none "$@"
	expect_all_reached
	verdict "holds: $(size)"
	;;
rests)
	PAN_FLAGS=-DNP PAN_ARGS='-l -m100000'
	search "$@"
	expect_none "$@"
	verdict "comes to rest: $(size)"
	;;
breaks)
	PAN_FLAGS='-DSAFETY -DBFS' PAN_ARGS=-w22
	wanted=$1
	shift
	search "$@"
	! grep -q 'errors: 0$' pan.log || fail "nothing breaks: $(size)"
	tell_story "$@"
	found=$(what_broke)
	[ "$found" = "$wanted" ] || fail "breaks \"$found\", not \"$wanted\""
	verdict "breaks after $(steps) steps: $found"
	;;
*) fail "neither holds nor rests nor breaks: $MODE" ;;
esac
