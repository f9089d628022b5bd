#!/usr/bin/python3
"""The whole system in containers, as compose/compose.yaml has it: built from a fresh
copy of the checkout, brought up, used, broken, scaled, upgraded, audited and taken
down, while orders flow. Tells what it does as it goes.

Needs WB_TEST_RUN, WB_TEST_BIN and DOCKER_HOST, and the images that compose.yaml pins
for the servers: `./dev test compose`."""
import secrets
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import checks
import invariants
from containers import JOBS, PROCESSES, Containers, ServerPerService, docker
from orders import Orders
from stack import SERVICES, eventually

SERVERS = ["postgres", "rabbitmq"]
OTHERS = ["mail", "gateway"]
NEXT_VERSION = "0.1.0-next"
STARTED = time.monotonic()


def tell(text):
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def version_here():
    for line in (HERE.parents[1] / "compose/.env").read_text().splitlines():
        if line.startswith("WB_VERSION="):
            return line.removeprefix("WB_VERSION=")
    raise AssertionError("compose/.env names no WB_VERSION")


def build(system, version):
    """Each image once: the services that name one share it. The engine of the tests
    has no way out for containers but the machine's own network."""
    system.compose("build", "seed", "gateway", "mail", files=[HERE / "build.yaml"], WB_VERSION=version)


def bring_up(system):
    system.compose("up", "-d")
    system.await_healthy(*system.services())
    eventually(lambda: all(checks.exit_code(system, job) == 0 for job in JOBS), 120, "the jobs are done")


def crash_everything(system, orders):
    for service in SERVERS + PROCESSES + OTHERS:
        system.crash(service)
        orders.await_more(10)
        tell(f"killed {service}: it is back, and orders go through")


def restart_everything(system, orders):
    for service in SERVERS + PROCESSES + OTHERS:
        code = system.stop_and_start(service)
        assert code == 0 or service not in PROCESSES, f"{service} left with {code}"
        orders.await_more(5)
    tell("stopped and started each of them in turn: each drained and left with 0, and orders go through")


def change_secrets(system, orders):
    """As docs/operations.md tells it, for one who has a database and a broker's user, for
    the relay, which has all of them, and for the key of tokens."""
    old = {name: system.secret(name) for name in ("inventory", "relay", "token.pem")}
    old_token = system.token()
    for name in old:
        (system.folder / "secrets" / name).unlink()
    system.make_secrets()
    system.compose("run", "--rm", "--no-deps", "roles")
    system.compose("run", "--rm", "--no-deps", "topology")
    processes = ("inventory", "outbox-relay", "history", "catalog-api", "customers-api", "orders-api")
    system.compose("restart", *processes)
    system.await_healthy(*processes)
    orders.authorize(system.token())
    orders.await_more(20)
    assert not checks.password_works(system, "inventory", old["inventory"])
    assert checks.password_works(system, "inventory", system.secret("inventory"))
    assert checks.status_for(system, old_token) == 401
    tell("changed the passwords of inventory and of the relay, and the key of tokens; the old ones are refused")


def change_logins(system, orders):
    """The two that set the others', as docs/operations.md tells it: at their servers first."""
    commands = {"postgres": ("sh", "-c", "PGPASSWORD=$(cat /run/secrets/postgres) psql -U postgres -c '\\password'"),
                "waybill": ("rabbitmqctl", "change_password", "waybill")}
    old = {name: system.secret(name) for name in commands}
    for server, (name, command) in zip(SERVERS, commands.items()):
        new = secrets.token_hex(16)
        with tempfile.TemporaryFile("w+") as typed:
            typed.write(f"{new}\n{new}\n")
            typed.seek(0)
            system.compose("exec", "-T", server, *command, source=typed)
        file = system.folder / "secrets" / name
        file.unlink()
        file.write_text(new)
    system.make_secrets()
    system.compose("restart", "postgres")
    system.await_healthy("postgres")
    for job in ("roles", "migrate", "topology"):
        system.compose("run", "--rm", "--no-deps", job)
    orders.await_more(20)
    assert not checks.password_works(system, "postgres", old["postgres"])
    assert checks.password_works(system, "postgres", system.secret("postgres"))
    assert not checks.login_works(system, "waybill", old["waybill"])
    assert checks.login_works(system, "waybill", system.secret("waybill"))
    tell("changed the passwords of the logins postgres and waybill; the jobs use the new ones, the old ones are refused")


def scale(system, orders):
    system.compose("up", "-d", "--scale", "inventory=3", "--scale", "orders-api=2")
    eventually(lambda: system.is_healthy("inventory", 3) and system.is_healthy("orders-api", 2), 120,
               "three of inventory and two of orders-api are healthy")
    eventually(lambda: system.queues()["inventory"][1] == 3, 60, "the queue has three consumers")
    orders.await_more(50)
    checks.every_replica_takes_orders(system)
    tell("scaled: 3 x inventory on one queue, 2 x orders-api behind the gateway")


def upgrade(system, orders):
    """The next version's migrations and topology first, then process by process; so
    each works beside the version before."""
    build(system, NEXT_VERSION)
    system.compose("run", "--rm", "--no-deps", "migrate", WB_VERSION=NEXT_VERSION)
    system.compose("run", "--rm", "--no-deps", "topology", WB_VERSION=NEXT_VERSION)
    for n, service in enumerate(PROCESSES):
        count = {"inventory": "3", "orders-api": "2"}.get(service, "1")
        system.compose("up", "-d", "--no-deps", "--scale", f"{service}={count}", service,
                       WB_VERSION=NEXT_VERSION)
        system.await_healthy(service)
        if n == len(PROCESSES) // 2:
            running = checks.versions(system)
            assert set(running.values()) == {system.version, NEXT_VERSION}, running
            orders.await_more(30)
            tell(f"half-way: {sum(v == NEXT_VERSION for v in running.values())} processes are {NEXT_VERSION}, "
                 f"{sum(v == system.version for v in running.values())} still {system.version}; orders go through")
    system.env["WB_VERSION"] = NEXT_VERSION
    system.compose("up", "-d", "--no-deps", *OTHERS)
    system.await_healthy(*OTHERS)
    running = checks.versions(system)
    assert set(running.values()) == {NEXT_VERSION}, running
    orders.await_more(30)
    tell(f"upgraded {system.version} -> {NEXT_VERSION}, process by process, while orders flowed")


def restore(system, orders):
    """As docs/operations.md tells it: all databases go back to where they were, together.
    What is ordered in between takes no money: the provider is not restored."""
    backup = system.folder / "backup.tar"
    with open(backup, "wb") as sink:
        system.compose("exec", "-T", "postgres", "sh", "-c", "PGPASSWORD=$(cat /run/secrets/postgres) "
                       "pg_basebackup -U postgres -c fast -X fetch -F tar -D -", sink=sink)
    assert orders.post(("SOLD-OUT", "pm_ok", "GB"))
    forgotten = orders.accepted.pop()
    eventually(lambda: not invariants.orders_not_ended(system), 60, "the order has ended")
    invariants.check(system, 60)
    system.compose("stop")
    with open(backup, "rb") as source:
        system.compose("run", "--rm", "--no-deps", "-T", "postgres", "sh", "-c",
                       'find "$PGDATA" -mindepth 1 -delete && tar -x -C "$PGDATA"', source=source)
    bring_up(system)
    known = {str(i) for (i,) in system.rows("orders", "SELECT order_id FROM orders")}
    assert forgotten not in known and known >= set(orders.accepted)
    for _ in range(14):
        assert orders.post()
    tell(f"restored a backup of {backup.stat().st_size // 1000000} MB; what was ordered after it is forgotten, and "
         "orders go through")


def audit(system, orders):
    accepted = set(orders.accepted)
    eventually(lambda: not invariants.orders_not_ended(system), 180, "every order has ended")
    known = {str(i): s for i, s in system.rows("orders", "SELECT order_id, status FROM orders")}
    lost = accepted - set(known)
    assert not lost, f"{len(lost)} accepted orders are not there: {sorted(lost)[:5]}"
    invariants.check(system, 180)
    dead = {queue: n for queue, (n, _) in system.queues().items() if queue.endswith(".dlq") and n}
    assert not dead, f"dead letters: {dead}"
    ends = {s: list(known.values()).count(s) for s in sorted(set(known.values()))}
    tell(f"audited: {len(accepted)} orders accepted ({orders.refused} requests were refused while something was "
         f"down), {len(known)} in the database: {ends}; nothing lost, doubled, parked or dead-lettered")


def whole_system():
    system = Containers()
    system.version = version_here()
    try:
        system.make_secrets()
        build(system, system.version)
        tell(f"built {checks.image_sizes(system.version)}")
        bring_up(system)
        tell(f"up: {', '.join(system.services())}; done: {', '.join(JOBS)}; "
             f"Postgres {checks.postgres_version(system)}, RabbitMQ {checks.rabbitmq_version(system)}")
        checks.hardened(system)
        tell("no container runs as root, can write to its root file system, has a capability, is without a limit "
             "or shows a password; only 127.0.0.1 is listened on")
        checks.asks_for_tokens(system)
        tell("the gateway answers who has a token, and nobody else")
        print(system.demo(), flush=True)
        tell("walked the demo")
        checks.command_line(system)
        tell("asked the operator's command line by `run --rm waybill`")
        tell(checks.broker_versions(system))
        orders = Orders(f"http://127.0.0.1:{system.port}", system.token())
        orders.start()
        orders.await_more(20)
        crash_everything(system, orders)
        restart_everything(system, orders)
        change_secrets(system, orders)
        change_logins(system, orders)
        scale(system, orders)
        upgrade(system, orders)
        orders.stop()
        audit(system, orders)
        restore(system, orders)
        audit(system, orders)
        print(checks.memory_table(system), flush=True)
        system.compose("down", "-v", "--remove-orphans")
        checks.nothing_is_left()
        tell("down: no container, network or volume is left")
    except BaseException:
        system.keep_logs()
        raise


def server_per_service():
    system = ServerPerService()
    try:
        system.files.append("compose.server-per-service.yaml")
        system.make_secrets()
        bring_up(system)
        assert "postgres" not in system.services(), system.services()
        assert all(f"{s}-db" in system.services() for s in SERVICES)
        checks.databases_apart(system)
        tell("up again with a Postgres per service; each holds its own database only")
        system.demo()
        orders = Orders(f"http://127.0.0.1:{system.port}", system.token())
        for _ in range(70):
            assert orders.post()
        audit(system, orders)
        system.compose("down", "-v", "--remove-orphans")
        checks.nothing_is_left()
        tell("down")
    except BaseException:
        system.keep_logs()
        raise


if __name__ == "__main__":
    docker("version")
    whole_system()
    server_per_service()
