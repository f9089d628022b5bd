# shellcheck shell=sh
# The public API, through the gateway, for seed and demo: at API_URL, or else that
# of the stack. With api_token set, as whoever it is of.

api_url() {
	printf '%s\n' "${API_URL:-http://127.0.0.1:${GATEWAY_PORT:-}}"
}

# api METHOD PATH [JSON]: sets api_status and api_body. The token is on no command
# line, where all could read it.
api() {
	api_answer=$(printf 'Authorization: Bearer %s\n' "${api_token:-}" |
		curl -s -S --max-time 15 -X "$1" ${api_token:+-H @-} \
		-H 'Content-Type: application/json' ${3:+-d "$3"} \
		-w '\n%{http_code}' "$(api_url)$2") ||
		die "the API did not answer: $1 $2" "see ./dev status"
	api_status=${api_answer##*
}
	api_body=${api_answer%
*}
}

# api_must STATUS METHOD PATH [JSON]
api_must() {
	api_wanted=$1
	shift
	api "$@"
	[ "$api_status" = "$api_wanted" ] ||
		die "$1 $2 answered $api_status, not $api_wanted: $api_body"
}

# api_field JQ_PATH: of the last body.
api_field() {
	printf '%s\n' "$api_body" | jq -r "$1"
}
