#!/bin/sh
# What the relay is shipped with beside its binary: the man page names every
# option and its default, and is well-formed; systemd understands the unit.
# usage: relay_files.sh ROOT OUTBOX_RELAY
set -u
root=$1 relay=$2
page=$root/man/outbox-relay.1
unit=$root/outbox-relay/outbox-relay.service
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

complain() {
	echo "$1"
	status=1
}

# One option or "NAME, default VALUE" per line, from either text.
"$relay" --help >"$dir/help" || complain "--help fails"
sed -nE 's/^  (--[a-z-]+).*/\1/p; s/^ +(WB_[A-Z_]+), default (.*); .*/\1 \2/p' \
	"$dir/help" | sed -E 's/ ("".*|\*\*\*|none)$//' | sort >"$dir/want"
sed 's/\\-/-/g' "$page" |
	sed -nE '/^\.SH OPTIONS/,/^\.SH ENVIRONMENT/{
		s/^\.BR? (--[a-z-]+).*/\1/p
		s/^\((WB_[A-Z_]+)\.\)$/\1/p
		s/^\((WB_[A-Z_]+); default (.*)\.\)$/\1 \2/p
	}' | sort >"$dir/got"
grep -q '^WB_CONFIG' "$dir/want" || echo WB_CONFIG >>"$dir/want"
sort -o "$dir/want" "$dir/want"
diff "$dir/want" "$dir/got" ||
	complain "man/outbox-relay.1 (>) and --help (<) differ"

# lint NAME COMMAND…: must say nothing
lint() {
	name=$1
	shift
	if ! command -v "$1" >/dev/null; then
		echo "skipped: no $1"
		return 0
	fi
	"$@" >"$dir/said" 2>&1 || complain "$name: $1 fails"
	[ ! -s "$dir/said" ] || complain "$name: $(cat "$dir/said")"
}

lint "$page" groff -man -ww -z "$page"
lint "$page" mandoc -T lint -W warning "$page"

# Not installed here: another binary, and a page that need not be there.
sed "s|^ExecStart=.*|ExecStart=$relay|; /^Documentation=/d" "$unit" \
	>"$dir/outbox-relay.service"
lint "$unit" systemd-analyze verify "$dir/outbox-relay.service"

# Type=notify waits for the drain: systemd must wait longer.
drain_ms=$(sed -nE 's/^ +WB_DRAIN_TIMEOUT_MS, default ([0-9]+);.*/\1/p' "$dir/help")
stop_s=$(sed -n 's/^TimeoutStopSec=//p' "$unit")
[ "$((stop_s * 1000))" -gt "$drain_ms" ] ||
	complain "TimeoutStopSec is not more than drain-timeout-ms"

[ $status -eq 0 ] && echo "relay files: ok"
exit $status
