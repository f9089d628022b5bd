#!/bin/sh
# Makes a wrong copy of a source, for a test that must notice it, with right
# copies of others beside it.
# usage: mutate.sh SOURCE PATCH COPY [OTHER...]
set -eu

source=$1 patch=$2 copy=$3
shift 3

folder=$(dirname "$copy")
mkdir -p "$folder"
[ $# -eq 0 ] || cp -- "$@" "$folder"
if ! said=$(patch --silent --fuzz=0 --reject-file=- --output="$copy" \
	"$source" "$patch" 2>&1); then
	rm -f "$copy"
	printf '%s\n%s does not fit %s any more.\n%s\n' "$said" "$patch" \
		"$source" "Make the same mistake there, and the patch anew (diff -U1)." >&2
	exit 1
fi
