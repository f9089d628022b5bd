# shellcheck shell=sh
# Free TCP ports: the usual ones where nobody has them, else the next free.

# Ports that something on this machine listens on, and those given out since.
PORTS_TAKEN=

# /proc/net/tcp: the local address is HEXADDRESS:HEXPORT, state 0A is LISTEN.
ports_read() {
	PORTS_TAKEN=" $(awk '
		function decimal(hex,    i, n) {
			for (i = 1; i <= length(hex); i++)
				n = n * 16 + index("123456789ABCDEF", \
				                   substr(hex, i, 1))
			return n
		}
		$4 == "0A" {
			n = split($2, part, ":")
			printf "%d ", decimal(part[n])
		}' /proc/net/tcp /proc/net/tcp6 2>/dev/null || true)"
}

# port_pick VARIABLE USUAL: keeps the variable's port if it is free, else sets
# it to the first free one from USUAL on.
port_pick() {
	eval "port=\${$1:-$2}"
	while :; do
		case $PORTS_TAKEN in
		*" $port "*) port=$((port + 1)) ;;
		*) break ;;
		esac
	done
	PORTS_TAKEN="$PORTS_TAKEN$port "
	eval "$1=$port"
}

# port_open PORT: does somebody listen there?
port_open() {
	ports_read
	case $PORTS_TAKEN in
	*" $1 "*) return 0 ;;
	*) return 1 ;;
	esac
}
