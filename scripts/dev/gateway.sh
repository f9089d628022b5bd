# shellcheck shell=sh
# The gateway: nginx with a configuration rendered from gateway/nginx.conf.in.

gateway_render() {
	# nginx's workers give up root: to www-data, which its package makes.
	user_line=
	[ "$(id -u)" -ne 0 ] || user_line="user www-data;"
	sed -e "s|@USER@|$user_line|" \
		-e "s|@RUN@|$(printf '%s' "$RUN" | sed 's/[&|\\]/\\&/g')|" \
		-e "s|@GATEWAY_PORT@|$GATEWAY_PORT|" \
		-e "s|@ORDERS_API_PORT@|$ORDERS_API_PORT|" \
		-e "s|@CATALOG_API_PORT@|$CATALOG_API_PORT|" \
		-e "s|@CUSTOMERS_API_PORT@|$CUSTOMERS_API_PORT|" \
		-e "s|@HISTORY_PORT@|$HISTORY_PORT|" \
		"$ROOT/gateway/nginx.conf.in" >"$RUN/nginx/nginx.conf.new"
}

gateway_start() {
	gateway_render
	if pid_alive nginx; then
		if cmp -s "$RUN/nginx/nginx.conf.new" "$RUN/nginx/nginx.conf"; then
			return 0
		fi
		pid_stop nginx TERM 20
	fi
	mv -f "$RUN/nginx/nginx.conf.new" "$RUN/nginx/nginx.conf"
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
	curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$GATEWAY_PORT/"
}

gateway_await() {
	wait_until 20 gateway_is_open || {
		show_tail "$RUN/log/nginx.log"
		die "the gateway did not get ready within 20 s" \
			"the whole log is $STACK/log/nginx.log"
	}
}
