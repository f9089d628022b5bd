"""A certificate authority that lives as long as a test, by the openssl command."""
import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    """Two PEM files; the key may be read by its owner only."""
    certificate: Path
    key: Path


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


class Authority:
    NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def __init__(self, folder, name="ca"):
        self.folder = Path(folder)
        self.file = self.folder / f"{name}.pem"
        self.key = self.folder / f"{name}.key"
        _openssl("req", "-x509", *self.NEW_KEY, "-days", 2, "-subj", f"/CN={name} of a test",
                 "-keyout", self.key, "-out", self.file)

    def issue(self, common_name, names="", days=2):
        """names: "DNS:localhost,IP:127.0.0.1"; days=-1: it ended yesterday."""
        stem = self.folder / f"{common_name}-{days}"
        made = Certificate(Path(f"{stem}.pem"), Path(f"{stem}.key"))
        more = ("-addext", f"subjectAltName={names}") if names else ()
        _openssl("req", *self.NEW_KEY, "-subj", f"/CN={common_name}", *more, "-keyout", made.key,
                 "-out", f"{stem}.csr")
        _openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", self.file, "-CAkey", self.key,
                 "-CAcreateserial", "-copy_extensions", "copy", "-days", days,
                 "-out", made.certificate)
        return made
