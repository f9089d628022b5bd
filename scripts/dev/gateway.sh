# shellcheck shell=sh
# The gateway: nginx with a configuration rendered from gateway/.

gateway_render() {
	# nginx's workers give up root: to www-data, which its package makes.
	user_line=
	[ "$(id -u)" -ne 0 ] || user_line="user www-data;"
	"$ROOT/gateway/render.sh" "$ROOT/gateway/upstreams-local.conf.in" \
		ORDERS_API_PORT="$ORDERS_API_PORT" \
		CATALOG_API_PORT="$CATALOG_API_PORT" \
		CUSTOMERS_API_PORT="$CUSTOMERS_API_PORT" \
		HISTORY_PORT="$HISTORY_PORT" >"$RUN/nginx/upstreams.conf.new"
	"$ROOT/gateway/render.sh" "$ROOT/gateway/nginx.conf.in" \
		USER="$user_line" HOME="$RUN/nginx" \
		LISTEN="127.0.0.1:$GATEWAY_PORT" \
		ACCESS_LOG="$RUN/log/gateway-access.log" \
		UPSTREAMS="$RUN/nginx/upstreams.conf" >"$RUN/nginx/nginx.conf.new"
}

gateway_is_current() {
	for gateway_file in nginx.conf upstreams.conf; do
		cmp -s "$RUN/nginx/$gateway_file.new" "$RUN/nginx/$gateway_file" ||
			return 1
	done
}

gateway_start() {
	gateway_render
	if pid_alive nginx; then
		! gateway_is_current || return 0
		pid_stop nginx TERM 20
	fi
	mv -f "$RUN/nginx/nginx.conf.new" "$RUN/nginx/nginx.conf"
	mv -f "$RUN/nginx/upstreams.conf.new" "$RUN/nginx/upstreams.conf"
	say "starting the gateway on 127.0.0.1:$GATEWAY_PORT"
	spawn nginx "$DEV/supervise.sh" nginx "$RUN/pid/nginx.child" \
		/usr/sbin/nginx -e stderr -p "$RUN/nginx" \
		-c "$RUN/nginx/nginx.conf" -g 'daemon off;'
}

gateway_stop() {
	! pid_alive nginx || say "stopping the gateway"
	pid_stop nginx TERM 20
}

gateway_is_open() {
	curl -s -o /dev/null --max-time 2 "$(api_url)/"
}

gateway_await() {
	wait_until 20 gateway_is_open || {
		show_tail "$RUN/log/nginx.log"
		die "the gateway did not get ready within 20 s" \
			"the whole log is $STACK/log/nginx.log"
	}
}
