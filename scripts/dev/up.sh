# shellcheck shell=sh
# ./dev up, down, reset.

# ./dev up [--auth | --open]: a stack remembers which.
cmd_up() {
	case ${1:-} in
	'' | --auth | --open) ;;
	*) die "there is no ./dev up $1" "./dev up [--auth | --open]" 2 ;;
	esac
	packages_ensure
	stack_open
	auth_switch "${1:-}"
	servers_before="${PG_PORT:-} ${AMQP_PORT:-} ${MAIL_PORT:-}"
	servers_launch
	# Processes that still run look for their servers at the old ports.
	[ "$servers_before" = "$PG_PORT $AMQP_PORT $MAIL_PORT" ] || processes_stop
	build_preset release
	servers_await
	roles_apply
	migrate
	topology_apply
	mail_sink_start
	stack_pick_process_ports
	processes_start
	gateway_start
	say "waiting until every process is ready"
	processes_await
	gateway_await
	auth_for_api
	seed
	up_tell
}

up_tell() {
	url=http://127.0.0.1:$GATEWAY_PORT
	cat <<TEXT

Waybill is up. Post an order:

  curl -i $url/orders \\$(up_tell_token)
    -H 'Content-Type: application/json' -d '{
      "customer_id": "$DEMO_CUSTOMER",
      "lines": [{"sku": "TEA-100", "quantity": 2}],
      "payment_method": "pm_ok",
      "ship_to": {"name": "Ada Example", "line1": "1 Main Street",
                  "city": "Berlin", "postal_code": "10115", "country": "DE"}}'

Its Location, on the same host, says what became of the order. Every path of
the saga at once: ./dev demo

  orders               $url/orders
  API documentation    $url/docs  ($url/openapi.yaml)
  RabbitMQ management  http://127.0.0.1:$MANAGEMENT_PORT/  (login: waybill  password: $(secret_of waybill))
  mails                $STACK/mail/new/  (a file for each that was sent)
  logs                 $STACK/log/  (./dev logs)
TEXT
}

# shellcheck disable=SC2016 # for the reader's shell
up_tell_token() {
	! auth_is_on ||
		printf '\n    -H "Authorization: Bearer $(./dev token)" \\'
}

stack_exists() {
	[ -d "$RUN" ] || {
		say "there is no stack in $STACK: nothing to stop"
		return 1
	}
	stack_open
}

# From the front door to the servers, so that nobody misses whom it needs.
stack_stop() {
	gateway_stop
	processes_stop
	mail_sink_stop
	servers_stop
}

cmd_down() {
	stack_exists || return 0
	stack_stop
	say "everything is stopped; the data stays in $STACK"
}

cmd_reset() {
	stack_exists || return 0
	stack_stop
	say "deleting $STACK"
	stack_delete
}
