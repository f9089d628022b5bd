# shellcheck shell=sh
# Who may do what, on a local stack: ./dev up --auth has the services check
# tokens, ./dev token makes them. The private key stays in secrets/; the
# services know the public one, jwks.json.

AUTH_ISSUER=waybill-dev
AUTH_AUDIENCE=waybill

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

# Call it in a subshell.
auth_export() {
	auth_keys_make
	export WB_AUTH_KEYS="$RUN/jwks.json" WB_AUTH_ISSUER="$AUTH_ISSUER" \
		WB_AUTH_AUDIENCE="$AUTH_AUDIENCE"
}

base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# An Ed25519 key ends with its 32 bytes, in DER.
auth_public_key() {
	openssl pkey -in "$RUN/secrets/token.pem" -pubout -outform DER |
		tail -c 32 | base64url
}

auth_keys_make() {
	[ ! -s "$RUN/jwks.json" ] || return 0
	(
		umask 077
		openssl genpkey -algorithm ed25519 -out "$RUN/secrets/token.pem"
	)
	jq -n --arg x "$(auth_public_key)" --arg kid "dev-$(date -u +%F)" \
		'{keys: [{kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig",
			kid: $kid, x: $x}]}' >"$RUN/jwks.json.new"
	mv -f "$RUN/jwks.json.new" "$RUN/jwks.json"
}

# token_make ROLE SUBJECT SECONDS
token_make() {
	auth_keys_make
	token_header=$(jq -c '.keys[0] | {alg, kid, typ: "JWT"}' \
		"$RUN/jwks.json" | tr -d '\n' | base64url)
	token_claims=$(jq -n -c --arg iss "$AUTH_ISSUER" \
		--arg aud "$AUTH_AUDIENCE" --arg sub "$2" --arg role "$1" \
		--argjson now "$(date +%s)" --argjson seconds "$3" \
		'{iss: $iss, aud: $aud, sub: $sub, iat: $now,
			exp: ($now + $seconds), roles: [$role]}' |
		tr -d '\n' | base64url)
	# openssl signs with this key what is in a file, not in a pipe.
	token_text=$(mktemp "$RUN/secrets/text.XXXXXX")
	printf '%s.%s' "$token_header" "$token_claims" >"$token_text"
	token_signature=$(openssl pkeyutl -sign -rawin \
		-inkey "$RUN/secrets/token.pem" -in "$token_text" | base64url)
	rm -f -- "$token_text"
	printf '%s.%s.%s\n' "$token_header" "$token_claims" "$token_signature"
}

cmd_token() {
	token_role=customer
	token_subject=
	token_seconds=43200
	while [ $# -gt 0 ]; do
		[ $# -ge 2 ] || die "./dev token: $1 needs a value" "" 2
		case $1 in
		--role) token_role=$2 ;;
		--subject) token_subject=$2 ;;
		--seconds) token_seconds=$2 ;;
		*) die "there is no ./dev token $1" "see ./dev help" 2 ;;
		esac
		shift 2
	done
	case $token_role in
	customer) token_default=$DEMO_CUSTOMER ;;
	catalog | operator) token_default=dev ;;
	*) die "there is no role $token_role" "customer, catalog or operator" 2 ;;
	esac
	case $token_seconds in
	'' | *[!0-9]*) die "--seconds must be a number" "" 2 ;;
	esac
	stack_load
	token_make "$token_role" "${token_subject:-$token_default}" \
		"$token_seconds"
	auth_is_on || say "nobody asks for it: this stack is open (./dev up --auth)" >&2
}
