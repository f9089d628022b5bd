"""What compose.yaml promises of its containers, looked at from outside."""
import os
import re
import subprocess
import urllib.error
import urllib.request

import psycopg2

from containers import PROCESSES, docker
from stack import ROOT, SERVICES, eventually


def exit_code(system, job):
    """None while it runs."""
    found = docker("ps", "-aq", "--filter", f"label=com.docker.compose.service={job}").split()
    state = system.inspect(found[0])["State"] if found else {}
    return state.get("ExitCode") if state.get("Status") == "exited" else None


def containers(system):
    return [system.inspect(c) for c in docker("ps", "-aq").split()]


def service_of(container):
    return container["Config"]["Labels"]["com.docker.compose.service"]


def process_status(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(line.split(":", 1)[1].split() for line in status if line.startswith(key + ":"))


def hardened(system):
    passwords = {path.read_text().strip() for path in (system.folder / "secrets").iterdir()
                 if re.fullmatch("[0-9a-f]{32}", path.read_text().strip())}
    assert len(passwords) >= len(SERVICES) + 4, passwords
    for c in containers(system):
        name, host = service_of(c), c["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"], name
        assert any(o.startswith("no-new-privileges") for o in host["SecurityOpt"]), name
        assert host["Memory"] > 0 and host["PidsLimit"] > 0, name
        shown = docker("inspect", c["Id"])
        assert not any(p in shown for p in passwords), f"{name}: a password shows"
        for bindings in (host["PortBindings"] or {}).values():
            assert all(b["HostIp"] == "127.0.0.1" for b in bindings), name
        if c["State"]["Running"]:
            pid = c["State"]["Pid"]
            assert "0" not in process_status(pid, "Uid"), f"{name} runs as root"
            assert int(process_status(pid, "CapEff")[0], 16) == 0, f"{name} has capabilities"
            assert process_status(pid, "NoNewPrivs") == ["1"], name
            assert host["RestartPolicy"]["Name"] == "unless-stopped", name


def status_for(system, token=None):
    """What who comes with that token is told at the front door."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{system.port}/orders", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def asks_for_tokens(system):
    token = system.token()
    assert status_for(system, token) == 200
    assert status_for(system) == 401
    assert status_for(system, token[:-8] + "AAAAAAAA") == 401


def command_line(system):
    """Everything that an operator would look at, by the service `waybill`."""
    order_id = system.rows("orders", "SELECT order_id FROM orders WHERE status = 'CONFIRMED'")[0][0]
    for command in (("migrate", "status"), ("topology", "check"), ("outbox",), ("outbox", "parked"), ("dlq", "list"),
                    ("top", "--once"), ("orders", "stuck"), ("history", "status"), ("trace", order_id), ("audit",)):
        status, output = system.waybill(*command)
        assert status == 0 and output, f"waybill {' '.join(command)}: {status}, {output}, see {system.log}"
    assert "CONFIRMED" in system.waybill("trace", order_id)[1]


def image_sizes(version):
    sizes = []
    for name in ("waybill", "waybill-gateway", "waybill-mail"):
        image = f"{name}:{version}"
        label = docker("image", "inspect", "-f", '{{index .Config.Labels "org.opencontainers.image.version"}}', image)
        assert label == version, f"{image}: its label says {label}"
        sizes.append(f"{image} ({int(docker('image', 'inspect', '-f', '{{.Size}}', image)) // 1000000} MB)")
    return ", ".join(sizes)


def versions(system):
    """{container: what its process says that it is}"""
    found = {}
    for service in PROCESSES:
        for container in system.ids(service):
            said = docker("exec", container, service, "--version")
            found[system.inspect(container)["Name"].lstrip("/")] = said.split()[-1]
    return found


def every_replica_takes_orders(system):
    def counts():
        return [int(re.search(r'http_requests_total\{[^}]*\} (\d+)', docker(
            "exec", c, "curl", "-s", "http://127.0.0.1:9100/metrics")).group(1)) for c in system.ids("orders-api")]
    eventually(lambda: all(n > 0 for n in counts()), 60, "each orders-api has got requests")


def postgres_version(system):
    return system.rows("orders", "SHOW server_version")[0][0].split()[0]


def rabbitmq_version(system):
    return docker("exec", system.ids("rabbitmq")[0], "rabbitmqctl", "version").splitlines()[-1]


def broker_versions(system):
    """The test of what versions of RabbitMQ do differently, on this one."""
    login = f"waybill:{system.secret('waybill')}@{system.address('rabbitmq')}"
    done = subprocess.run(["/usr/bin/python3", "-B", ROOT / "tests/integration/test_broker_versions.py"],
                          env={**os.environ, "WB_TEST_AMQP_URL": f"amqp://{login}:5672/%2f",
                               "WB_TEST_MGMT_URL": f"http://{login}:15672", "WB_TEST_RUN": str(system.folder)},
                          check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def password_works(system, role, password):
    try:
        psycopg2.connect(host=system.address("postgres"), user=role, password=password, dbname=role).close()
        return True
    except psycopg2.OperationalError:
        return False


def login_works(system, user, password):
    """At the broker."""
    try:
        return system.management("/whoami", user, password)["name"] == user
    except urllib.error.HTTPError as error:
        assert error.code == 401, error
        return False


def databases_apart(system):
    for service in SERVICES:
        there = {name for (name,) in system.rows(service, "SELECT datname FROM pg_database")}
        assert there & set(SERVICES) == {service}, f"{service}-db holds {there}"


def proportional_kib(pid):
    """Pss: its own pages, and its share of those that it shares."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


def memory_table(system):
    """Of each container: what its processes hold, and what the engine counts (less of
    what they share, and also the files that they have written lately)."""
    lines = [f"{'CONTAINER':28} {'PROCESSES':>10} {'COUNTED':>10} {'LIMIT':>10}"]
    stats = dict(line.split("|") for line in
                 docker("stats", "--no-stream", "--format", "{{.ID}}|{{.MemUsage}}").splitlines())
    for c in sorted(containers(system), key=lambda c: c["Name"]):
        if c["State"]["Running"]:
            pids = docker("top", c["Id"], "-o", "pid").split()[1:]
            held = sum(proportional_kib(pid) for pid in pids) / 1024
            counted, limit = stats[c["Id"][:12]].split(" / ")
            lines.append(f"{c['Name'].lstrip('/'):28} {held:7.1f}MiB {counted:>10} {limit:>10}")
    return "\n".join(lines)


def nothing_is_left():
    assert docker("ps", "-aq") == ""
    assert docker("volume", "ls", "-q", "--filter", "name=waybill_") == ""
    assert docker("network", "ls", "-q", "--filter", "name=waybill_") == ""
