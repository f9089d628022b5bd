"""A pgbouncer of a test's own in front of a Postgres, on a free port of 127.0.0.1.
It ends with the test, even if that is killed.
"""
import shutil
import urllib.parse
from pathlib import Path

import psycopg2

from own_servers import IS_ROOT, Server, accepts
from ports import free_port

PGBOUNCER = Path("/usr/sbin/pgbouncer")

INI = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = pgbouncer
pool_mode = {mode}
default_pool_size = {pool_size}
query_wait_timeout = {wait_s}
log_connections = 0
log_disconnections = 0
"""


def is_installed():
    return PGBOUNCER.exists()


class PgBouncer(Server):
    """Runs at once. dsn: a URL, whose user everyone becomes; any of that server's
    databases can be asked for. mode: transaction or session."""

    def __init__(self, folder, name, dsn, mode, pool_size, wait_s=60):
        super().__init__(name, folder)
        self.port = free_port()
        place = urllib.parse.urlsplit(dsn)
        self.user = urllib.parse.unquote(place.username)
        server = f"host={place.hostname} port={place.port or 5432} user={self.user}"
        if place.password:  # an empty one it takes for a mistake
            server += f" password={urllib.parse.unquote(place.password)}"
        ini = folder / f"{name}.ini"
        ini.touch(mode=0o600)
        ini.write_text(INI.format(
            server=server, port=self.port, mode=mode, pool_size=pool_size, wait_s=wait_s))
        user = "postgres" if IS_ROOT else None  # it refuses to run as root
        if user:
            shutil.chown(ini, user, user)
        self.launch([PGBOUNCER, ini], "KILL", user=user)
        self.await_start(lambda: accepts(self.port), 20)

    def url(self, database):
        return f"postgres://{urllib.parse.quote(self.user)}@127.0.0.1:{self.port}/{database}"

    def show(self, what):
        """Rows of the admin console's SHOW, as dictionaries."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="pgbouncer",
                                      dbname="pgbouncer", connect_timeout=10)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SHOW " + what)
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
        finally:
            connection.close()
