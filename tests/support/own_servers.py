"""Servers of a test's own, for what the shared ones can't be put through: other
certificates, a crash, a standby. They listen on free ports of 127.0.0.1, keep
everything in one folder, and end with the test, even if that is killed.
"""
import atexit
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from ports import free_port
from stack import eventually

RABBITMQ_BIN = Path("/usr/lib/rabbitmq/bin")
IS_ROOT = os.geteuid() == 0  # Postgres refuses to run so


def pg_bin():
    """The folder of the newest Postgres here, or None."""
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


def are_installed():
    return pg_bin() is not None and (RABBITMQ_BIN / "rabbitmq-server").exists()


def make_folder():
    """One that the user postgres can enter, deleted when the test is over."""
    folder = Path(tempfile.mkdtemp(prefix="wb-test-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Server:
    """A process that the kernel ends (dying_by) when this one is gone."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.log = folder / f"{name}.log"
        self.child = None
        atexit.register(self.kill)

    def launch(self, command, dying_by, env=None, user=None):
        as_user = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                ["setpriv", *as_user, "--pdeathsig", dying_by, *map(str, command)],
                cwd=self.folder, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def end(self, how, seconds=30):
        if self.is_running():
            self.child.send_signal(how)
            self.child.wait(seconds)

    def kill(self):
        self.end(signal.SIGKILL)

    def await_start(self, is_ready, seconds):
        def check():
            if not self.is_running():
                raise AssertionError(f"{self.name} ended: {self.log.read_text()[-2000:]}")
            return is_ready()
        eventually(check, seconds, f"{self.name} has started")


class Postgres(Server):
    """A cluster whose superuser is postgres. hba: the lines of pg_hba.conf. make() or
    clone() gives it data, start() runs it, configure() changes its settings."""

    USER = "postgres" if IS_ROOT else None

    def __init__(self, folder, name, hba="host all,replication all 127.0.0.1/32 trust"):
        super().__init__(name, folder)
        self.port = free_port()
        self.home = folder / name
        self.hba = hba
        self.settings = {"listen_addresses": "127.0.0.1", "port": self.port,
                         "unix_socket_directories": "", "shared_buffers": "32MB"}

    def tool(self, name, *arguments):
        as_user = ["setpriv", "--reuid", self.USER, "--regid", self.USER,
                   "--clear-groups"] if self.USER else []
        subprocess.run([*as_user, pg_bin() / name, *map(str, arguments)], cwd=self.folder,
                       check=True, capture_output=True, timeout=60)

    def _make_home(self):
        self.home.mkdir(mode=0o700)
        if self.USER:
            shutil.chown(self.home, self.USER, self.USER)

    def make(self):
        self._make_home()
        self.tool("initdb", "-D", self.home, "-U", "postgres", "-A", "trust", "--no-sync",
                  "--encoding=UTF8", "--locale=C.UTF-8")
        with open(self.home / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("include 'test.conf'\n")
        self.configure()

    def clone(self, primary):
        """A standby that streams from primary under its own name."""
        self._make_home()
        source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}"
        self.tool("pg_basebackup", "-D", self.home, "-d", source, "-R", "-c", "fast", "--no-sync")
        self.configure()

    def configure(self, hba=None, **settings):
        """Sets these, too; takes effect at once, or at the start."""
        self.hba = hba or self.hba
        self.settings.update(settings)
        (self.home / "test.conf").write_text(
            "".join(f"{key} = '{value}'\n" for key, value in self.settings.items()))
        (self.home / "pg_hba.conf").write_text(self.hba + "\n")
        if self.is_running():
            self.child.send_signal(signal.SIGHUP)

    def start(self):
        self.launch([pg_bin() / "postgres", "-D", self.home], "QUIT", user=self.USER)
        self.await_start(self.is_ready, 60)

    def is_ready(self):
        return subprocess.run([pg_bin() / "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                               str(self.port)], check=False, timeout=10).returncode == 0

    def stop(self):
        self.end(signal.SIGINT)

    def crash(self):
        """As if the machine lost its power: all of it at once. A postmaster that is
        killed alone leaves backends behind, and what waited there for a
        synchronous standby is visible to others until they notice."""
        self.child.send_signal(signal.SIGSTOP)  # no new backends
        for pid in children_of(self.child.pid):
            os.kill(pid, signal.SIGKILL)
        self.kill()

    def promote(self):
        self.tool("pg_ctl", "promote", "-D", self.home, "-W")

    def sql(self, query, database="postgres", args=None):
        """Rows of a query, as the superuser; [] for a statement without any."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres",
                                      dbname=database, connect_timeout=10)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query, args)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def present(self, certificate):
        """From now on its certificate is this one; needs ssl=on."""
        for name, file in zip(("server.crt", "server.key"), certificate):
            new = self.home / (name + ".new")
            shutil.copyfile(file, new)
            new.chmod(0o600)
            if self.USER:
                shutil.chown(new, self.USER, self.USER)
            new.rename(self.home / name)
        if self.is_running():
            self.child.send_signal(signal.SIGHUP)
            await_certificate(self.port, certificate, is_postgres=True)


class RabbitMQ(Server):
    """A node with a plain listener (port) and one for TLS (tls_port). certificate:
    its own; authority: that which may vouch for clients."""

    CONF = """
listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.cacertfile = {authority}
ssl_options.certfile = {home}/server.crt
ssl_options.keyfile = {home}/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = EXTERNAL
default_user = admin
default_pass = admin
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 64000000
log.console = true
log.file = false
"""

    def __init__(self, folder, name, authority):
        super().__init__(name, folder)
        self.port, self.tls_port = free_port(), free_port()
        self.home = folder / name
        self.home.mkdir(mode=0o700)
        (self.home / "rabbitmq.conf").write_text(self.CONF.format(
            port=self.port, tls_port=self.tls_port, authority=authority.file, home=self.home))
        (self.home / "enabled_plugins").write_text("[rabbitmq_auth_mechanism_ssl].")
        (self.home / "empty").touch()
        self.certificate = None
        mapper_port = free_port()
        self.env = {
            "HOME": str(self.home), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(mapper_port), "ERL_CRASH_DUMP": "/dev/null",
            "RABBITMQ_NODENAME": name + "@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_PID_FILE": str(self.home / "node.pid"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.home / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.home / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "empty"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
        }
        self.mapper = Server(name + "-epmd", folder)
        self.mapper.launch(["epmd", "-port", mapper_port], "KILL", self.env)

    def _write_certificate(self, certificate):
        self.certificate = certificate
        shutil.copyfile(certificate.certificate, self.home / "server.crt")
        shutil.copyfile(certificate.key, self.home / "server.key")

    def launch_node(self, certificate):
        """Returns at once: it takes some seconds to start."""
        self._write_certificate(certificate)
        self.launch([RABBITMQ_BIN / "rabbitmq-server"], "TERM", self.env)

    def is_ready(self):
        return all(accepts(port) for port in (self.port, self.tls_port))

    def await_node(self):
        self.await_start(self.is_ready, 120)

    def ctl(self, *arguments):
        return subprocess.run([RABBITMQ_BIN / "rabbitmqctl", "-s", *arguments], check=True,
                              env={**os.environ, **self.env}, capture_output=True, text=True,
                              timeout=60).stdout

    def present(self, certificate):
        """From now on its certificate is this one."""
        if certificate == self.certificate:
            return
        self._write_certificate(certificate)
        self.ctl("eval", "ssl:clear_pem_cache().")
        await_certificate(self.tls_port, certificate)

    def kill(self):
        """The node, too: rabbitmq-server is only the script that waits for it."""
        try:
            os.kill(int((self.home / "node.pid").read_text()), signal.SIGKILL)
        except (OSError, ValueError):
            pass  # it has not started, or is gone
        super().kill()


def children_of(parent):
    children = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{parent}\n" in status.read_text():
                children.append(int(status.parent.name))
        except OSError:
            pass  # it has ended meanwhile
    return children


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _presented(port, is_postgres):
    """The certificate that a server shows, whatever it is worth."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        if is_postgres:
            plain.sendall(struct.pack("!ii", 8, 80877103))  # SSLRequest
            plain.recv(1)
        with context.wrap_socket(plain) as session:
            return ssl.DER_cert_to_PEM_cert(session.getpeercert(binary_form=True))


def await_certificate(port, certificate, is_postgres=False):
    wanted = certificate.certificate.read_text().strip()
    eventually(lambda: _presented(port, is_postgres).strip() == wanted, 20,
               "the server shows its new certificate")
