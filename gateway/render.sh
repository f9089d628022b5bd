#!/bin/sh
# render.sh FILE NAME=VALUE...: prints FILE with every @NAME@ replaced by its
# value; fails if one is left over.
set -eu
file=$1
shift
for pair in "$@"; do
	value=$(printf '%s' "${pair#*=}" | sed 's/[&|\\]/\\&/g')
	script="${script:-}s|@${pair%%=*}@|$value|g
"
done
text=$(sed -e "$script" "$file")
if left=$(printf '%s\n' "$text" | grep -o '@[A-Z_]*@'); then
	printf 'render.sh: %s has no value\n' "$left" >&2
	exit 1
fi
printf '%s\n' "$text"
