#!/bin/sh
# install.sh PACKAGE...: run as root by packages.sh. Puts two files in place for
# as long as apt-get works: one that keeps services from starting, one that
# keeps Debian from making a Postgres cluster. Files that exist are left alone.
set -eu

POLICY=/usr/sbin/policy-rc.d
NO_CLUSTER=/etc/postgresql-common/createcluster.d/waybill.conf
UNITS="postgresql.service rabbitmq-server.service nginx.service
	pgbouncer.service docker.service docker.socket containerd.service
	epmd.service epmd.socket"
made=

clean_up() {
	for file in $made; do
		rm -f -- "$file"
	done
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# put FILE MODE TEXT
put() {
	[ ! -e "$1" ] || return 0
	mkdir -p "$(dirname "$1")"
	made="$made $1"
	printf '%s\n' "$3" >"$1"
	chmod "$2" "$1"
}

# Services that were here before are not ours to touch.
new=
for unit in $UNITS; do
	[ -e "/lib/systemd/system/$unit" ] || new="$new $unit"
done

put "$POLICY" 755 '#!/bin/sh
exit 101'
put "$NO_CLUSTER" 644 'create_main_cluster = false'

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"

if command -v systemctl >/dev/null; then
	for unit in $new; do
		systemctl --quiet disable "$unit" 2>/dev/null || true
	done
fi
