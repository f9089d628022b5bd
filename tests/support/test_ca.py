"""A certificate authority that lives as long as a test, by the openssl command."""
import datetime
import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    """Two PEM files; the key may be read by its owner only."""
    certificate: Path
    key: Path


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


# `openssl ca` wants its book-keeping, and alone takes dates in all versions.
CONFIG = """[ca]
default_ca = test
[test]
database = {folder}/{name}.index
rand_serial = yes
new_certs_dir = {folder}
default_md = sha256
policy = policy
copy_extensions = copy
unique_subject = no
[policy]
commonName = supplied
"""


def _date(days):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


class Authority:
    NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def __init__(self, folder, name="ca"):
        self.folder = Path(folder)
        self.file = self.folder / f"{name}.pem"
        self.key = self.folder / f"{name}.key"
        _openssl("req", "-x509", *self.NEW_KEY, "-days", 2, "-subj", f"/CN={name} of a test",
                 "-keyout", self.key, "-out", self.file)
        self.config = self.folder / f"{name}.conf"
        self.config.write_text(CONFIG.format(folder=self.folder, name=name))
        (self.folder / f"{name}.index").write_text("")

    def issue(self, common_name, names="", days=2):
        """names: "DNS:localhost,IP:127.0.0.1"; days=-1: it ended yesterday."""
        stem = self.folder / f"{common_name}-{days}"
        made = Certificate(Path(f"{stem}.pem"), Path(f"{stem}.key"))
        more = ("-addext", f"subjectAltName={names}") if names else ()
        _openssl("req", *self.NEW_KEY, "-subj", f"/CN={common_name}", *more, "-keyout", made.key,
                 "-out", f"{stem}.csr")
        _openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.file, "-keyfile", self.key,
                 "-startdate", _date(-2), "-enddate", _date(days), "-in", f"{stem}.csr",
                 "-out", made.certificate)
        return made
