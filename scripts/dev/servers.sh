# shellcheck shell=sh
# Postgres and RabbitMQ of a stack: together, and each by itself.

# They take some seconds to start: build meanwhile, then servers_await.
servers_launch() {
	stack_pick_server_ports
	rabbitmq_launch
	pg_launch
}

servers_await() {
	pg_await
	rabbitmq_await
}

servers_stop() {
	rabbitmq_stop
	pg_stop
}

postgres_start() {
	pg_launch
	pg_await
}

postgres_stop() {
	pg_stop
}

# QUIT is Postgres' immediate shutdown: no checkpoint, so the next start
# recovers from the log as after a crash; but no process is left over.
postgres_kill() {
	pid_stop postgres QUIT 20
}

rabbitmq_start() {
	rabbitmq_launch
	rabbitmq_await
}
