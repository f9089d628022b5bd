"""What nginx answers by itself is problem+json, too: the gateway alone, with nothing
behind it."""
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from ports import free_port  # noqa: E402

HOST = b"Host: x\r\n"
BIG = b"x" * 40000

CASES = (
    (400, b"nonsense\r\n\r\n"),
    (400, b"GET /orders HTTP/1.1\r\n\r\n"),
    (400, b"POST /orders HTTP/1.1\r\n" + HOST +
     b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (404, b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n"),
    (405, b"TRACE /orders HTTP/1.1\r\n" + HOST + b"\r\n"),
    (413, b"POST /orders HTTP/1.1\r\n" + HOST + b"Content-Length: 70000\r\n\r\n"),
    (414, b"GET /" + BIG + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    (431, b"GET /orders HTTP/1.1\r\n" + HOST + b"X-Big: " + BIG + b"\r\n\r\n"),
    (501, b"POST /orders HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n"),
    (502, b"GET /orders HTTP/1.1\r\n" + HOST + b"\r\n"),
    (502, b"GET /orders/1/events HTTP/1.1\r\n" + HOST + b"\r\n"),
    (502, b"GET /products HTTP/1.1\r\n" + HOST + b"\r\n"),
    (502, b"GET /customers/1/orders HTTP/1.1\r\n" + HOST + b"\r\n"),
    (505, b"GET /orders HTTP/9.9\r\n" + HOST + b"\r\n"),
)


def render(template, values):
    pairs = [f"{name}={value}" for name, value in values.items()]
    return subprocess.run(["sh", ROOT / "gateway/render.sh", ROOT / "gateway" / template, *pairs],
                          check=True, capture_output=True, text=True).stdout


def start(nginx, home, port):
    dead = free_port()
    upstreams, conf = home / "upstreams.conf", home / "nginx.conf"
    upstreams.write_text(render("upstreams-local.conf.in", {
        f"{name}_PORT": dead
        for name in ("ORDERS_API", "CATALOG_API", "CUSTOMERS_API", "HISTORY")}))
    conf.write_text(render("nginx.conf.in", {
        "USER": "", "HOME": home, "LISTEN": f"127.0.0.1:{port}", "ACCESS_LOG": home / "access.log",
        "UPSTREAMS": upstreams}))
    return subprocess.Popen([nginx, "-e", "stderr", "-p", home, "-c", conf, "-g", "daemon off;"])


def connect(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 20)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def ask(port, request):
    """(status, headers, body): by Content-Length."""
    with connect(port) as s:
        s.sendall(request)
        text = b""
        while b"\r\n\r\n" not in text:
            text += s.recv(65536)
        head, _, body = text.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        while len(body) < int(headers["content-length"]):
            body += s.recv(65536)
        return int(status.split()[1]), headers, body


def check(port, status, request):
    got, headers, body = ask(port, request)
    what = f"{request[:60]!r}: {got} {headers} {body!r}"
    assert got == status, what
    assert headers["content-type"] == "application/problem+json", what
    assert headers["x-request-id"], what
    problem = json.loads(body)
    assert problem["status"] == status and problem["title"] != "Error", what
    assert problem["type"] == "about:blank" and problem["detail"], what


def main():
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is None:
        sys.exit(77)
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)  # for nginx's workers, which are not root
        port = free_port()
        gateway = start(nginx, Path(home), port)
        try:
            for status, request in CASES:
                check(port, status, request)
        finally:
            gateway.terminate()
            gateway.wait(20)


if __name__ == "__main__":
    main()
