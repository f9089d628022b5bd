#!/bin/bash
# What `waybill` is shipped with beside its binary: a page per command that is
# well-formed and names every verb and flag; completion that bash runs and zsh
# reads. usage: cli_files.sh WAYBILL MADE_DIR
set -u
waybill=$1 made=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

complain() {
	echo "$*"
	status=1
}

# lint NAME COMMAND…: must say nothing
lint() {
	name=$1
	shift
	if ! command -v "$1" >/dev/null; then
		echo "skipped: no $1"
		return 0
	fi
	"$@" >"$dir/said" 2>&1 || complain "$name: $1 fails"
	[ ! -s "$dir/said" ] || complain "$name: $(head -5 "$dir/said")"
}

mapfile -t commands < <("$waybill" --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
[ "${#commands[@]}" -gt 5 ] || complain "--help tells no commands"

# verbs_of COMMAND: a word per line; an empty line for a command without any
verbs_of() {
	"$waybill" "$1" --help | grep -q '^Each parameter is a flag' && echo &&
		return
	"$waybill" "$1" --help | sed -nE 's/^  ([a-z]+).*/\1/p'
}

# flags_of COMMAND VERB: as --help tells them, "--json" or "--dsn="
flags_of() {
	# shellcheck disable=SC2086 # no word without a verb
	"$waybill" "$1" $2 --help | sed -nE '/^  --config=/d
		s/^  (--[a-z-]+)=BOOL.*/\1/p; s/^  (--[a-z-]+=).*/\1/p'
}

# ---- man pages

(cd "$made" && printf '%s\n' *.1) | sort >"$dir/got"
{ echo waybill.1; printf 'waybill-%s.1\n' "${commands[@]}"; } | sort >"$dir/want"
diff "$dir/want" "$dir/got" ||
	complain "pages of cli/CMakeLists.txt (>) and commands (<) differ"

for page in "$made"/*.1; do
	lint "$page" groff -man -ww -z "$page"
	lint "$page" mandoc -T lint -W warning "$page"
done

for command in "${commands[@]}"; do
	sed 's/\\-/-/g' "$made/waybill-$command.1" >"$dir/page"
	grep -qF "waybill-$command" "$made/waybill.1" ||
		grep -qF "waybill\\-$command" "$made/waybill.1" ||
		complain "waybill.1 leaves out $command"
	while read -r verb; do
		grep -qF "waybill $command${verb:+ $verb}" "$dir/page" ||
			complain "waybill-$command.1 leaves out $verb"
		for flag in $(flags_of "$command" "$verb"); do
			grep -qF -- "${flag%=}\\f" "$dir/page" ||
				complain "waybill-$command.1 leaves out $flag"
		done
	done < <(verbs_of "$command")
done

# ---- completion

lint "$made/_waybill" zsh -n "$made/_waybill"
lint "$made/waybill" shellcheck -s bash "$made/waybill"

# complete WORD…: what bash offers for the last word, a line each
complete_words() {
	bash -c '. "$1"; shift; COMP_WORDS=(waybill "$@")
		COMP_CWORD=$#; _waybill
		printf "%s\n" "${COMPREPLY[@]}"' bash "$made/waybill" "$@" |
		sed '/^$/d' | sort
}

# offers WANTED_FILE WORD…
offers() {
	complete_words "${@:2}" >"$dir/offered"
	sort "$1" | diff - "$dir/offered" ||
		complain "completion of \"waybill ${*:2}\" (>) is wrong"
}

# zsh_offers FLAGS_FILE COMMAND VERB: what the script hands to zsh for --TAB. The
# two functions of zsh that it calls print what they are given.
zsh_offers() {
	command -v zsh >/dev/null || return 0
	zsh -f -c '_describe() { }
		_arguments() { print -rl -- "$@" }
		words=(waybill "$2" ${3:+$3} --) CURRENT=$#words
		. "$1"' zsh "$made/_waybill" "$2" "$3" 2>&1 |
		sed -n 's/^\(--[a-z-]*=*\)\[.*/\1/p' | sort | diff "$1" - ||
		complain "completion of \"waybill $2 $3\" for zsh (>) is wrong"
}

{ printf '%s\n' "${commands[@]}"; echo --help; echo --version; } >"$dir/words"
offers "$dir/words" ""
for command in "${commands[@]}"; do
	verbs_of "$command" | sed '/^$/d' >"$dir/words"
	n_verbs=$(wc -l <"$dir/words")
	complete_words "$command" "" >"$dir/offered"
	[ "$n_verbs" -eq 0 ] ||
		[ "$(grep -cxFf "$dir/words" "$dir/offered")" -eq "$n_verbs" ] ||
		complain "completion leaves out verbs of $command"
	while read -r verb; do
		{ flags_of "$command" "$verb"; echo --help; } | sort >"$dir/words"
		# shellcheck disable=SC2086 # no word without a verb
		offers "$dir/words" "$command" $verb --
		zsh_offers "$dir/words" "$command" "$verb"
	done < <(verbs_of "$command")
done
echo outbox >"$dir/words"
offers "$dir/words" out
printf -- '--databases=\n--dsn=\n' >"$dir/words"
offers "$dir/words" outbox list orders --d
printf 'orders\n' >"$dir/words"
offers "$dir/words" outbox list or
offers "$dir/words" outbox or # list is meant
: >"$dir/words"
offers "$dir/words" outbox list --dsn = or

[ $status -eq 0 ] && echo "cli files: ok"
exit $status
