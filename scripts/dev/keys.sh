# shellcheck shell=sh
# Keys and tokens where no identity provider gives them out: an Ed25519 key, its
# public half as a JWK Set, and what is signed with it. For ./dev and for
# compose/; of what is not in every shell it needs openssl.

AUTH_ISSUER=waybill-dev
AUTH_AUDIENCE=waybill

base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# key_public KEY: an Ed25519 key ends with its 32 bytes, in DER.
key_public() {
	openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | base64url
}

# key_id KEY: so that a set of keys tells whether it is of this one.
key_id() {
	key_public "$1" | cut -c 1-8
}

# keys_make KEY SET: makes the private key if it is missing, and the set if it
# does not know that key.
keys_make() {
	[ -s "$1" ] || (
		umask 077
		openssl genpkey -algorithm ed25519 -out "$1"
	)
	! grep -qsF "\"kid\":\"$(key_id "$1")\"" "$2" || return 0
	printf '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"%s","x":"%s"}]}\n' \
		"$(key_id "$1")" "$(key_public "$1")" >"$2.new"
	mv -f "$2.new" "$2"
}

# token_make KEY ROLE SUBJECT SECONDS
token_make() {
	token_now=$(date +%s)
	token_header=$(printf '{"alg":"EdDSA","typ":"JWT","kid":"%s"}' \
		"$(key_id "$1")" | base64url)
	token_claims=$(printf '{"iss":"%s","aud":"%s","sub":"%s","iat":%s,"exp":%s,"roles":["%s"]}' \
		"$AUTH_ISSUER" "$AUTH_AUDIENCE" "$3" "$token_now" \
		"$((token_now + $4))" "$2" | base64url)
	# openssl signs with this key what is in a file, not in a pipe.
	token_text=$(mktemp)
	printf '%s.%s' "$token_header" "$token_claims" >"$token_text"
	token_signature=$(openssl pkeyutl -sign -rawin -inkey "$1" \
		-in "$token_text" | base64url)
	rm -f -- "$token_text"
	printf '%s.%s.%s\n' "$token_header" "$token_claims" "$token_signature"
}

# token_command KEY [--role R] [--subject ID] [--seconds N]: as people call it.
token_command() {
	token_key=$1
	shift
	token_role=customer
	token_subject=
	token_seconds=43200
	while [ $# -gt 0 ]; do
		[ $# -ge 2 ] || die "token: $1 needs a value" "" 2
		case $1 in
		--role) token_role=$2 ;;
		--subject) token_subject=$2 ;;
		--seconds) token_seconds=$2 ;;
		*) die "token: there is no $1" \
			"[--role R] [--subject ID] [--seconds N]" 2 ;;
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
	case $token_subject in
	*[!A-Za-z0-9._:@/+-]*) die "--subject: letters, digits and ._:@/+-" "" 2 ;;
	esac
	token_make "$token_key" "$token_role" \
		"${token_subject:-$token_default}" "$token_seconds"
}
