"""The gateway of gateway/nginx.conf.in before a Stack."""
import os
import pwd
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from ports import free_port
from stack import ROOT, eventually

PORTS = {"ORDERS_API_PORT": "orders-api", "CATALOG_API_PORT": "catalog-api",
         "CUSTOMERS_API_PORT": "customers-api", "HISTORY_PORT": "history"}


class Gateway:
    def __init__(self, stack, rate=5000, burst=10000, connections=1000):
        self.port = free_port()
        # Short, and open to the user that nginx's workers become.
        self.home = Path(tempfile.mkdtemp(prefix="waybill-gateway-"))
        self.home.chmod(0o755)
        for folder in ("nginx", "log"):
            (self.home / folder).mkdir()
        user = "user www-data;" if os.getuid() == 0 else ""
        upstreams, config = (self.home / "nginx" / name for name in ("upstreams.conf", "nginx.conf"))
        self._render("upstreams-local.conf.in", upstreams,
                     **{name: stack.ports[process] for name, process in PORTS.items()})
        self._render("nginx.conf.in", config, USER=user, HOME=self.home / "nginx", LISTEN=f"127.0.0.1:{self.port}",
                     ACCESS_LOG=self.home / "log" / "access.log", UPSTREAMS=upstreams)
        text = config.read_text()
        for old, new in (("rate=5000r/s", f"rate={rate}r/s"), ("burst=10000", f"burst={burst}"),
                         ("limit_conn connections 1000", f"limit_conn connections {connections}")):
            assert text.count(old) == 1, f"nginx.conf.in has no {old}"
            text = text.replace(old, new)
        if os.getuid() == 0:
            pwd.getpwnam("www-data")
        config.write_text(text)
        with open(self.home / "log" / "nginx.log", "wb") as log:
            self.child = subprocess.Popen(["/usr/sbin/nginx", "-e", "stderr", "-p", self.home / "nginx", "-c", config,
                                           "-g", "daemon off;"], stdout=log, stderr=log)
        eventually(self.is_open, 30, "the gateway is open")

    @staticmethod
    def _render(template, target, **values):
        arguments = [f"{name}={value}" for name, value in values.items()]
        target.write_text(subprocess.run([ROOT / "gateway" / "render.sh", ROOT / "gateway" / template, *arguments],
                                         check=True, capture_output=True, text=True).stdout)

    def is_open(self):
        assert self.child.poll() is None, (self.home / "log" / "nginx.log").read_text()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def stop(self):
        self.child.terminate()
        self.child.wait(30)
        subprocess.run(["rm", "-rf", self.home], check=True)
