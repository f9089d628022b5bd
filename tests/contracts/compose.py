#!/usr/bin/python3
"""compose/ against what it must agree with: the processes of scripts/dev/processes.tab,
the roles of schema/roles.sql, the secrets that make-secrets makes, the gateway's
names, the project's version; and what it promises of every container. That it
really runs is shown by `./dev test compose`."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

sys.dont_write_bytecode = True
from events import ROOT, Report

COMPOSE = ROOT / "compose"
JOBS = ("roles", "migrate", "topology", "seed")
COMMANDS = ("waybill",)  # run by hand
RUN_SECRETS = re.compile("@?/run/secrets/(.+)")
# Only within other secrets.
KEPT = {"waybill"}


def load(name):
    return yaml.safe_load((COMPOSE / name).read_text())


def processes():
    """{name: (database or None, has an API)}"""
    rows = [line.split() for line in (ROOT / "scripts/dev/processes.tab").read_text().splitlines()
            if line.strip() and not line.startswith("#")]
    return {name: (None if database == "-" else database, port == "http") for name, database, port in rows}


def extended(service):
    """With what it extends in another file."""
    base = service.get("extends")
    return {**(load(base["file"])["services"][base["service"]] if base else {}), **service}


def wanted_secrets(name, database, has_api):
    if name == "outbox-relay":
        return {"relay_sources", "relay_brokers"}
    if database is None:
        return set()
    return {f"{database}_dsn"} | ({"jwks.json"} if has_api else set()) | (
        set() if name.endswith("-api") else {f"{database}_brokers"})


def check_processes(report, services):
    for name, (database, has_api) in processes().items():
        if not report.expect(name in services, f"{name} of processes.tab is no service"):
            continue
        service = services[name]
        report.expect(service["command"] == [name], f"{name}: its command is {service['command']}")
        secrets = set(service.get("secrets", ()))
        report.expect(secrets == wanted_secrets(name, database, has_api),
                      f"{name}: its secrets are {sorted(secrets)}")
        values = {match[1] for match in map(RUN_SECRETS.fullmatch, service.get("environment", {}).values()) if match}
        report.expect(values == secrets, f"{name}: it is told of {sorted(values)}, gets {sorted(secrets)}")
        report.expect(not has_api or name == "provider-sim" or "outside" in service["networks"],
                      f"{name}: the gateway can't reach it")


def check_containers(report, services):
    for name, service in services.items():
        if service == {"scale": 0}:
            continue
        service = extended(service)
        report.expect(service.get("read_only") is True, f"{name}: its root file system can be written to")
        report.expect(service.get("cap_drop") == ["ALL"], f"{name}: has capabilities")
        report.expect("no-new-privileges:true" in service.get("security_opt", ()), f"{name}: may get privileges")
        report.expect("mem_limit" in service and "pids_limit" in service, f"{name}: has no limits")
        restart = None if name in COMMANDS else "on-failure:3" if name in JOBS else "unless-stopped"
        report.expect(service.get("restart") == restart, f"{name}: restart is {service.get('restart')}")
        report.expect(name in JOBS + COMMANDS or "healthcheck" in service, f"{name}: nobody knows whether it is well")
        report.expect((name in COMMANDS) == ("profiles" in service), f"{name}: up starts it, or nothing does")
        report.expect(re.search(r":(\d+\.\d+\.?\d*(-\w+)?|\$\{WB_VERSION\})$", service["image"]),
                      f"{name}: its image {service['image']} is not pinned")
        for port in service.get("ports", ()):
            report.expect(port.startswith("127.0.0.1:"), f"{name}: {port} is open to everybody")
        for dependency in service.get("depends_on", {}):
            report.expect(dependency in services, f"{name} depends on {dependency}, which is not there")


def check_secrets(report, compose):
    """Returns those that are made: {name: text}."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([COMPOSE / "make-secrets", folder], check=True)
        made = {path.name for path in Path(folder).iterdir()}
        texts = {path.name: path.read_text() for path in Path(folder).iterdir()}
        subprocess.run([COMPOSE / "make-secrets", folder], check=True)
        again = {path.name: path.read_text() for path in Path(folder).iterdir()}
        report.expect(texts == again, "make-secrets, run again, changes secrets")
        report.expect(len({texts[r] for r in ("postgres", "orders", "relay")}) == 3, "passwords are alike")
    declared = compose["secrets"]
    report.expect(all(s == {"file": f"./secrets/{n}"} for n, s in declared.items()), "a secret lies elsewhere")
    used = {"postgres"}
    for name, service in compose["services"].items():
        for secret in extended(service).get("secrets", ()):
            secret = secret if isinstance(secret, str) else secret["source"]
            used.add(secret)
            report.expect(secret in declared, f"{name}: the secret {secret} is not declared")
    report.expect(used == set(declared), f"secrets that nobody uses: {sorted(set(declared) - used)}")
    report.expect(set(declared) <= made, f"make-secrets does not make {sorted(set(declared) - made)}")
    report.expect(made - set(declared) <= KEPT, f"nobody takes {sorted(made - set(declared) - KEPT)}")
    return texts


def check_databases(report, compose, override, secrets):
    wanted = {database for database, _ in processes().values() if database}
    roles = set(re.findall(r"^  \('(\w+)', :'\w+', true\)", (ROOT / "schema/roles.sql").read_text(), re.M))
    report.expect(roles == wanted, f"roles.sql and processes.tab differ: {sorted(roles ^ wanted)}")
    listed = compose["x-services"].split()
    report.expect(sorted(listed) == sorted(wanted), f"x-services is {listed}")
    report.expect(compose["services"]["roles"]["environment"]["SERVICES"].split() == listed,
                  "roles goes through other services")
    for secret in ("waybill_databases", "relay_sources"):
        named = [line.split("=")[0] for line in secrets[secret].splitlines()]
        report.expect(sorted(named) == sorted(wanted), f"{secret} names {named}")
    aliases = set(compose["services"]["postgres"]["networks"]["inside"]["aliases"])
    names = {f"{database}-db" for database in wanted}
    report.expect(aliases == names, f"postgres answers to {sorted(aliases)}")
    report.expect(set(override["services"]) == names | {"postgres", "roles"},
                  f"a server per service: {sorted(override['services'])}")
    report.expect(set(override["services"]["roles"]["depends_on"]) == names, "roles does not wait for every server")


def check_versions(report, compose):
    version = re.search(r"project\(waybill VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    env = dict(line.split("=", 1) for line in (COMPOSE / ".env").read_text().splitlines() if "=" in line)
    report.expect(env["WB_VERSION"] == version, f".env says {env['WB_VERSION']}, the project is {version}")
    pinned = {extended(s)["image"] for s in compose["services"].values() if "postgres" in extended(s)["image"]}
    report.expect(len(pinned) == 1, f"several versions of Postgres: {pinned}")


def check_rooms(report):
    """What CMake goes through is copied into the build."""
    rooms = set(re.findall(r"^add_subdirectory\((\S+)\)", (ROOT / "CMakeLists.txt").read_text(), re.M))
    copied = set(re.findall(r"^COPY (\S+) \1$", (COMPOSE / "Dockerfile").read_text(), re.M))
    report.expect(rooms and rooms <= copied, f"the Dockerfile does not copy {sorted(rooms - copied)}")


def check_gateway(report, services):
    text = (ROOT / "gateway/upstreams-by-name.conf").read_text()
    for host, port in re.findall(r"default ([\w-]+):(\d+);", text):
        report.expect(host in services and port == "8080", f"the gateway looks for {host}:{port}")
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is None:
        return
    for upstreams in ("by-name.conf", "local.conf.in"):
        with tempfile.TemporaryDirectory() as home:
            ports = [f"{n}_PORT=9" for n in ("ORDERS_API", "CATALOG_API", "CUSTOMERS_API", "HISTORY")]
            render = ROOT / "gateway/render.sh"
            names = Path(home, "upstreams.conf")
            names.write_text(subprocess.run([render, ROOT / f"gateway/upstreams-{upstreams}", *ports],
                                            check=True, capture_output=True, text=True).stdout)
            conf = Path(home, "nginx.conf")
            conf.write_text(subprocess.run(
                [render, ROOT / "gateway/nginx.conf.in", "USER=", f"HOME={home}", "LISTEN=127.0.0.1:9",
                 f"ACCESS_LOG={home}/access.log", f"UPSTREAMS={names}"],
                check=True, capture_output=True, text=True).stdout)
            done = subprocess.run([nginx, "-t", "-q", "-e", "stderr", "-p", home, "-c", conf], check=False,
                                  capture_output=True, text=True)
            report.expect(done.returncode == 0 or "bind()" in done.stderr,
                          f"nginx with upstreams-{upstreams}: {done.stderr}")


def main():
    report = Report()
    compose, override = load("compose.yaml"), load("compose.server-per-service.yaml")
    services = compose["services"]
    check_processes(report, services)
    check_containers(report, services)
    check_containers(report, {**services, **{n: s for n, s in override["services"].items() if n != "roles"}})
    secrets = check_secrets(report, compose)
    check_databases(report, compose, override, secrets)
    check_versions(report, compose)
    check_rooms(report)
    check_gateway(report, services)
    print(f"{report.checks} checks, {report.faults} faults")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
