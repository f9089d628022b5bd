# shellcheck shell=sh
# ./dev demo: every path of the saga through the public API, with its events as
# they happen. WB_GATEWAY=http://host:port WB_TOKEN=... ./dev demo walks them on
# another system, such as the one in compose/, with an operator's token.

DEMO_DEADLINE=300 # tenths of a second

# demo_order SKU PAYMENT_METHOD COUNTRY: sets order_id.
demo_order() {
	api_must 202 POST /orders "{\"customer_id\":\"$DEMO_CUSTOMER\",
		\"lines\":[{\"sku\":\"$1\",\"quantity\":2}],
		\"payment_method\":\"$2\",
		\"ship_to\":{\"name\":\"Ada Example\",\"line1\":\"1 Main Street\",
		\"city\":\"Berlin\",\"postal_code\":\"10115\",\"country\":\"$3\"}}"
	order_id=$(api_field .order_id)
}

# An event of the timeline as one line: its time, its type, and what its detail
# says to people.
# shellcheck disable=SC2016 # jq's own variable
DEMO_LINE='
	def said:
		if .cause then "\(.cause.code): \(.cause.detail)"
		elif .payment then
			"\(.payment.amount_minor / 100) \(.payment.currency)"
		elif .shipment then
			"\(.shipment.carrier) \(.shipment.tracking_number)"
		else "" end;
	.items[$shown:][] | "    \(.time[11:23])  \(.type)  \(.detail | said)"'

# Prints the events from the shown-th on and counts them in. The history hears
# of an order a moment later than the client: until then there is no timeline.
demo_show_new_events() {
	api GET "/orders/$order_id/timeline"
	[ "$api_status" = 200 ] || return 0
	printf '%s\n' "$api_body" |
		jq -r --argjson shown "$shown" "$DEMO_LINE"
	shown=$(api_field '.items | length')
	last_event=$(api_field '.items[-1].type // ""')
}

order_has_ended() {
	api_must 200 GET "/orders/$order_id"
	order_status=$(api_field .status)
	case $order_status in
	CONFIRMED | REJECTED | CANCELLED) return 0 ;;
	*) return 1 ;;
	esac
}

# The order has ended and its last event is in its history too.
demo_watch() {
	shown=0
	last_event=
	left=$DEMO_DEADLINE
	while [ "$left" -gt 0 ]; do
		demo_show_new_events
		case $last_event in
		order.confirmed.v1 | order.rejected.v1 | order.cancelled.v1)
			! order_has_ended || return 0
			;;
		esac
		left=$((left - 1))
		sleep 0.1
	done
	order_has_ended || true
}

# demo_path TITLE EXPECTED SKU PAYMENT_METHOD COUNTRY [cancel]
demo_path() {
	say "$1"
	demo_order "$3" "$4" "$5"
	note "order $order_id"
	[ $# -lt 6 ] || api POST "/orders/$order_id/cancel"
	demo_watch
	verdict=ok
	if [ "$order_status" != "$2" ] || [ -z "$last_event" ]; then
		verdict="expected $2, last event: ${last_event:-none}"
		demo_status=1
	fi
	note "$order_status"
	summary="$summary$(printf '%-14s %-10s %s' "$1" "$order_status" \
		"$verdict")
"
}

cmd_demo() {
	API_URL=${WB_GATEWAY:-}
	if [ -n "$API_URL" ]; then
		api_token=${WB_TOKEN:-}
	else
		stack_load
		auth_for_api
	fi
	gateway_is_open ||
		die "nothing answers at $(api_url)" "./dev up, and ./dev status"
	demo_status=0
	summary=
	demo_path confirmed CONFIRMED TEA-100 pm_ok DE
	demo_path "out of stock" REJECTED SOLD-OUT pm_ok DE
	demo_path declined CANCELLED TEA-100 pm_declined DE
	demo_path undeliverable CANCELLED TEA-100 pm_ok ZZ
	demo_path cancelled CANCELLED TEA-100 pm_slow DE cancel
	printf '\n%-14s %-10s\n%s' PATH STATUS "$summary"
	[ "$demo_status" -eq 0 ] || die "not every path went as expected" \
		"see ./dev status, and ./dev logs"
}
