# shellcheck shell=sh
# Installs the Debian packages that are missing, and nothing else. Servers that
# come along must not start, now or at the next boot: a stack starts its own.

PACKAGES="build-essential cmake ninja-build pkg-config
	libevent-dev librabbitmq-dev libpq-dev libjson-c-dev
	libcurl4-openssl-dev libssl-dev libpcre2-dev libcmocka-dev
	postgresql rabbitmq-server nginx pgbouncer
	curl jq openssl spin wrk
	python3-jsonschema python3-yaml python3-pika python3-psycopg2
	python3-aiosmtpd slowhttptest zsh"

package_is_missing() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" \
		!= installed ]
}

# nginx comes in flavours; each of them will do.
packages_missing() {
	for package in $PACKAGES "$@"; do
		if [ "$package" = nginx ] && [ -x /usr/sbin/nginx ]; then
			continue
		fi
		! package_is_missing "$package" || printf '%s ' "$package"
	done
}

# packages_ensure [PACKAGE...]: those that everything needs, and these.
packages_ensure() {
	command -v dpkg-query >/dev/null ||
		die "this is not Debian" "./dev needs Debian 12 or 13"
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	say "installing (this takes a minute or two): $missing"
	if [ "$(id -u)" -eq 0 ]; then
		as_root=
	elif command -v sudo >/dev/null; then
		as_root="sudo"
	else
		die "packages are missing and this user is not root" \
			"as root: apt-get install $missing"
	fi
	mkdir -p "$ROOT/build"
	# shellcheck disable=SC2086 # no word when root; a list of words
	$as_root sh "$DEV/install.sh" $missing \
		>"$ROOT/build/packages.log" 2>&1 || {
		show_tail "$ROOT/build/packages.log"
		die "apt-get could not install them" \
			"the whole log is build/packages.log; is the network there?"
	}
}
