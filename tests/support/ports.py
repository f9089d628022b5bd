"""Ports for servers that tests start."""
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_given_ports = {}  # port: the file whose lock keeps it from other tests


def _reserve(port):
    """False if this or another test has it."""
    folder = Path(tempfile.gettempdir()) / f"waybill-test-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    file = open(folder / str(port), "wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _given_ports[port] = file
    return True


def free_port():
    """Below those that the kernel gives to outgoing connections: one of these could take
    the port before the process does that it is for. None is given twice, nor to two tests
    that run at the same time."""
    while True:
        port = random.randrange(20000, 32768)
        if port in _given_ports or not _reserve(port):
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
