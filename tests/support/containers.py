"""The system of compose/ as the tests see it: docker compose and docker as anybody
would call them, and what invariants.py asks of a stack.

The copy of the checkout that it runs from is fresh, so that it has secrets of its
own. WB_TEST_RUN says where that and the logs go, DOCKER_HOST which engine."""
import base64
import email.parser
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import psycopg2

from ports import free_port
from stack import ROOT, eventually

PROCESSES = [line.split()[0] for line in (ROOT / "scripts/dev/processes.tab").read_text().splitlines()
             if line.strip() and not line.startswith("#")]
JOBS = ("roles", "migrate", "topology", "seed")
ADMIN_PORT, API_PORT = 9100, 8080


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True,
                          timeout=120).stdout.strip()


def compose_command():
    """The plugin where there is one, else the older program (Debian 12)."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]


class Mails:
    """What the catcher has got: by_id as in mail_sink.py."""

    def __init__(self, folder):
        self.folder, self.seen, self.ids = folder, set(), {}

    def by_id(self, event_id):
        message_id = f"<{event_id}@waybill>"
        if message_id not in self.ids:
            self._read_new()
        return self.ids.get(message_id, [])

    def _read_new(self):
        for path in (self.folder / "box" / "new").glob("*"):
            if path.name not in self.seen:
                self.seen.add(path.name)
                mail = email.parser.BytesHeaderParser().parsebytes(path.read_bytes())
                self.ids.setdefault(mail["Message-ID"], []).append(mail)


class Containers:
    def __init__(self):
        run = Path(os.environ["WB_TEST_RUN"])
        self.log = run / "log" / "compose.log"
        self.log.write_text("")
        self.checkout = run / "checkout"
        shutil.rmtree(self.checkout, ignore_errors=True)
        shutil.copytree(ROOT, self.checkout, symlinks=True, ignore=self._left_out)
        self.folder = self.checkout / "compose"
        self.files = ["compose.yaml"]
        self.port, self.management_port = free_port(), free_port()
        self.env = {**os.environ, "WB_PORT": str(self.port),
                    "WB_MANAGEMENT_PORT": str(self.management_port)}
        self.command = compose_command()
        self._mails = None

    @staticmethod
    def _left_out(folder, names):
        at_top = Path(folder) == ROOT
        return [name for name in names if name in ("node_modules", "__pycache__", "secrets") or
                (at_top and (name in (".git", "build") or name.startswith(".run")))]

    # ---- docker compose

    def run(self, *arguments, files=(), source=subprocess.DEVNULL, sink=subprocess.PIPE, **env):
        """(exit status, output); that, and what it says beside, is in the log. source
        and sink: open files, for what is no text."""
        command = list(self.command)
        for name in [*(self.folder / f for f in self.files), *files]:
            command += ["-f", str(name)]
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join([*command, *arguments])}\n")
            log.flush()
            done = subprocess.run([*command, *arguments], env={**self.env, **env}, check=False,
                                  stdin=source, stdout=sink, stderr=log, text=True, timeout=1200)
            log.write(done.stdout or "")
        return done.returncode, done.stdout

    def compose(self, *arguments, **more):
        """Its output. It must work."""
        status, output = self.run(*arguments, **more)
        if status != 0:
            raise AssertionError(f"compose {' '.join(arguments)} failed, see {self.log}:\n" +
                                 self.log.read_text()[-3000:])
        return output

    def make_secrets(self):
        subprocess.run([self.folder / "make-secrets"], check=True)

    def token(self, *arguments):
        return subprocess.run([self.folder / "token", *arguments], check=True, capture_output=True,
                              text=True).stdout.strip()

    def waybill(self, *arguments):
        """(exit status, output) of the operator's command line, as people call it."""
        return self.run("run", "--rm", "-T", "waybill", *arguments)

    def audit(self, *flags):
        """What `waybill audit` says of it."""
        status, output = self.waybill("audit", "--json", *flags)
        assert output, f"status {status}, see {self.log}"
        told = json.loads(output)
        assert told["holds"] == (status == 0), told
        return told

    def demo(self):
        """What `./dev demo` says."""
        done = subprocess.run([ROOT / "dev", "demo"], check=False, capture_output=True, text=True, timeout=600,
                              env={**os.environ, "WB_GATEWAY": f"http://127.0.0.1:{self.port}",
                                   "WB_TOKEN": self.token("--role", "operator")})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def keep_logs(self):
        self.log.with_name("containers.log").write_text(self.compose("logs", "--no-color"))

    # ---- containers

    def ids(self, service):
        return docker("ps", "-q", "--filter", f"label=com.docker.compose.service={service}").split()

    def inspect(self, container):
        return json.loads(docker("inspect", container))[0]

    def only(self, service):
        found = self.ids(service)
        assert found, f"no container of {service} runs"
        return self.inspect(found[0])

    def services(self):
        """Of the containers that run and stay."""
        running = docker("ps", "--format", '{{.Label "com.docker.compose.service"}}').split()
        return sorted(set(running) - set(JOBS))

    def is_healthy(self, service, count=1):
        states = [self.inspect(c)["State"] for c in self.ids(service)]
        return len(states) == count and all(s.get("Health", {}).get("Status") == "healthy" for s in states)

    def await_healthy(self, *services, seconds=180):
        for service in services:
            eventually(lambda s=service: self.is_healthy(s, max(1, len(self.ids(s)))), seconds,
                       f"{service} is healthy, see {self.log}")

    def crash(self, service):
        """SIGKILL for its process, as in a crash; the engine starts it again by the
        restart policy, which a `docker kill` would switch off."""
        before = self.only(service)
        os.kill(before["State"]["Pid"], signal.SIGKILL)

        def is_back():
            now = self.inspect(before["Id"])
            return (now["RestartCount"] > before["RestartCount"] and
                    now["State"].get("Health", {}).get("Status") == "healthy")
        eventually(is_back, 180, f"{service} is back after its crash")

    def stop_and_start(self, service):
        """Returns the exit status."""
        container = self.only(service)["Id"]
        self.compose("stop", service)
        code = self.inspect(container)["State"]["ExitCode"]
        self.compose("start", service)
        self.await_healthy(service)
        return code

    def address(self, service, network="inside"):
        networks = self.only(service)["NetworkSettings"]["Networks"]
        return next(n["IPAddress"] for name, n in networks.items() if name.endswith(network))

    # ---- what is in them

    def secret(self, name):
        return (self.folder / "secrets" / name).read_text()

    def database_server(self, service):
        return "postgres"

    def rows(self, service, query, args=None):
        connection = psycopg2.connect(host=self.address(self.database_server(service)), user="postgres",
                                      password=self.secret("postgres"), dbname=service)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, args)
                return cursor.fetchall()
        finally:
            connection.close()

    def api(self, process, method, path):
        url = f"http://{self.address(process)}:{API_PORT}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
            return json.loads(answer.read())

    def management(self, path, user, password):
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.management_port}/api{path}",
                                         headers={"Authorization": f"Basic {login}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def queues(self):
        """{queue: (messages, consumers)}"""
        found = self.management("/queues?columns=name,messages,consumers", "waybill", self.secret("waybill"))
        return {q["name"]: (q.get("messages", 0), q.get("consumers", 0)) for q in found}

    @property
    def mails(self):
        if self._mails is None:
            self._mails = Mails(Path(docker("volume", "inspect", "-f", "{{.Mountpoint}}", "waybill_mail")))
        return self._mails

    def forget(self):
        """After a down -v: the next volumes are others."""
        self._mails = None


class ServerPerService(Containers):
    """With compose.server-per-service.yaml."""

    def database_server(self, service):
        return f"{service}-db"
