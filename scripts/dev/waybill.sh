# shellcheck shell=sh
# The operator's command line against a stack, and what ./dev up does with it:
# roles and databases, migrations, topology.

WAYBILL=$ROOT/build/release/bin/waybill

SERVICES="orders catalog customers inventory payments shipping history notifications"

# What `waybill` needs to know of this stack; in the environment, where no
# password shows in a list of processes. Call it in a subshell.
waybill_export() {
	export PGHOST=127.0.0.1 PGPORT="$PG_PORT" PGUSER=waybill_owner
	PGPASSWORD=$(secret_of waybill_owner)
	WB_AMQP_BROKERS=$(amqp_url waybill)
	WB_MANAGEMENT_URL=$(management_url)
	export PGPASSWORD WB_AMQP_BROKERS WB_MANAGEMENT_URL
	export WB_SECRETS_DIR="$RUN/secrets"
	export WB_SCHEMA_DIR="$ROOT/schema"
	[ -z "${PROVIDER_SIM_PORT:-}" ] ||
		export WB_PROVIDER_URL="http://127.0.0.1:$PROVIDER_SIM_PORT"
}

roles_apply() {
	pg_psql postgres -v secrets="$RUN/secrets" -f "$ROOT/schema/roles.sql" \
		>>"$RUN/log/roles.log" 2>&1 || {
		show_tail "$RUN/log/roles.log"
		die "schema/roles.sql could not be applied"
	}
}

migrate() {
	say "migrating $SERVICES"
	for service in $SERVICES; do
		(waybill_export && exec "$WAYBILL" migrate "$service") \
			>>"$RUN/log/migrate.log" 2>&1 || {
			show_tail "$RUN/log/migrate.log"
			die "the database $service could not be migrated" \
				"the whole log is $STACK/log/migrate.log"
		}
	done
}

topology_apply() {
	say "applying the topology: exchange, queues, one broker user per service"
	(waybill_export && exec "$WAYBILL" topology apply) \
		>>"$RUN/log/topology.log" 2>&1 || {
		show_tail "$RUN/log/topology.log"
		die "the topology could not be applied" \
			"the whole log is $STACK/log/topology.log"
	}
}

cmd_waybill() {
	stack_load
	[ -x "$WAYBILL" ] || die "waybill is not built" "./dev build"
	waybill_export
	exec "$WAYBILL" "$@"
}
