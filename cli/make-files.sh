#!/bin/sh
# Writes what `waybill` tells about itself to files: make-files.sh WAYBILL DIR
# COMMAND…
set -eu
waybill=$1 dir=$2
shift 2
mkdir -p "$dir"
"$waybill" completion bash >"$dir/waybill"
"$waybill" completion zsh >"$dir/_waybill"
"$waybill" manual >"$dir/waybill.1"
for command in "$@"; do
	"$waybill" manual "$command" >"$dir/waybill-$command.1"
done
