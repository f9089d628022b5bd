#!/bin/sh
# The house rules that a compiler does not see: each foreign library is touched in
# one room, and the rooms of lib/ include downwards only.
# usage: layering.sh ROOT
set -u
cd "$1" || exit 2
status=0

complain() {
	echo "$1"
	status=1
}

# foreign HEADER_REGEX ALLOWED_REGEX WHAT
foreign() {
	hits=$(grep -rlE "^#include <($1)" --include='*.c' --include='*.h' \
		lib shop producers consumers outbox-relay cli examples | grep -vE "^($2)")
	[ -z "$hits" ] || complain "$3 is included outside its room:
$hits"
}

foreign 'libpq-fe\.h' 'lib/pg/' 'libpq'
foreign '(rabbitmq-c/)?amqp' 'lib/amqp/' 'librabbitmq'
foreign 'curl/|event2/http|evhttp' 'lib/http/' 'libcurl or evhttp'
foreign 'event2/' 'lib/(loop|pg|amqp|http)/' 'libevent'
foreign 'json-c/' 'lib/(event|http|auth)/|producers/|consumers/|cli/' 'json-c'

rooms='base loop pg migrate amqp auth http event saga service'
above=$rooms
for room in $rooms; do
	above=${above#"$room"}
	above=${above# }
	for other in $above; do
		hits=$(grep -lE "^#include \"$other/" lib/"$room"/*.[ch])
		[ -z "$hits" ] || complain "lib/$room includes lib/$other, which is above it:
$hits"
	done
done

# The library knows nothing of any one system that is built with it; nor does one
# system of another.
hits=$(grep -rlE '^#include "(shop|examples)/' lib outbox-relay examples)
[ -z "$hits" ] || complain "what serves any system includes one of them:
$hits"

# Nobody but the relay publishes, and the operator's hand on dead letters.
hits=$(grep -rlE 'wb_amqp_publish\(' --include='*.c' producers consumers lib/saga cli examples |
	grep -vxF cli/dlq/sender.c)
[ -z "$hits" ] || complain "only the relay publishes:
$hits"

# libevent's list of changes forbids to watch a copy of a descriptor (lib/loop). The
# ledger's is of a file.
hits=$(grep -rnE '\b(dup[23]?|fcntl) *\(' --include='*.c' lib shop producers consumers outbox-relay cli examples |
	grep -E 'dup|F_DUPFD' | grep -v '^consumers/payments/provider-sim/ledger\.c:')
[ -z "$hits" ] || complain "a descriptor is copied:
$hits"

[ $status -eq 0 ] && echo "layering: ok"
exit $status
