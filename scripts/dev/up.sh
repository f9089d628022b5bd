# shellcheck shell=sh
# ./dev up, down, reset.

cmd_up() {
	packages_ensure
	stack_open
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
	seed
	up_tell
}

up_tell() {
	url=http://127.0.0.1:$GATEWAY_PORT
	cat <<TEXT

Waybill is up. Post an order:

  curl -i $url/orders \\
    -H 'Content-Type: application/json' -d '{
      "customer_id": "$DEMO_CUSTOMER",
      "lines": [{"sku": "TEA-100", "quantity": 2}],
      "payment_method": "pm_ok",
      "ship_to": {"name": "Ada Example", "line1": "1 Main Street",
                  "city": "Berlin", "postal_code": "10115", "country": "DE"}}'

Its Location, on the same host, says what became of the order. Every path of
the saga at once: ./dev demo

  orders               $url/orders
  RabbitMQ management  http://127.0.0.1:$MANAGEMENT_PORT/  (login: waybill  password: $(secret_of waybill))
  mails                $STACK/mail/new/  (a file for each that was sent)
  logs                 $STACK/log/  (./dev logs)
TEXT
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
