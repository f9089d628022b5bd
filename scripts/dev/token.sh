# shellcheck shell=sh
# Who may do what, on a local stack: ./dev up --auth has the services check
# tokens, ./dev token makes them. The private key stays in secrets/; the
# services know the public one, jwks.json.

auth_is_on() {
	[ -e "$RUN/auth" ]
}

# auth_switch --auth | --open | '': processes are started anew for a change.
auth_switch() {
	case $1 in
	--auth) auth_wanted=yes ;;
	--open) auth_wanted=no ;;
	*) return 0 ;;
	esac
	auth_was=no
	! auth_is_on || auth_was=yes
	[ "$auth_wanted" != "$auth_was" ] || return 0
	rm -f "$RUN/auth"
	[ "$auth_wanted" = no ] || : >"$RUN/auth"
	processes_stop
}

auth_keys_make() {
	keys_make "$RUN/secrets/token.pem" "$RUN/jwks.json"
}

# Call it in a subshell.
auth_export() {
	auth_keys_make
	export WB_AUTH_KEYS="$RUN/jwks.json" WB_AUTH_ISSUER="$AUTH_ISSUER" \
		WB_AUTH_AUDIENCE="$AUTH_AUDIENCE"
}

# auth_for_api: gives api.sh an operator's token, where one is asked for.
auth_for_api() {
	auth_is_on || return 0
	auth_keys_make
	api_token=$(token_make "$RUN/secrets/token.pem" operator dev 3600)
}

cmd_token() {
	stack_load
	auth_keys_make
	token_command "$RUN/secrets/token.pem" "$@"
	auth_is_on || say "nobody asks for it: this stack is open (./dev up --auth)" >&2
}
