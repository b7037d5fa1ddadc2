"""A CUPS of one's own on loopback, with a backend that hands raw jobs to a TCP port."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from waiting import until

from beltmark.demo.processes import end

CUPSD = shutil.which("cupsd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
LPADMIN = shutil.which("lpadmin", path="/usr/sbin:/usr/local/sbin:/usr/bin")

_BACKEND = """\
#!{python}
import os, socket, sys, urllib.parse
if len(sys.argv) == 1:
    print('direct socket "Unknown" "raw TCP"')
    sys.exit(0)
uri = urllib.parse.urlsplit(os.environ["DEVICE_URI"])
data = open(sys.argv[6], "rb").read() if len(sys.argv) > 6 else sys.stdin.buffer.read()
try:
    with socket.create_connection((uri.hostname, uri.port), timeout=2) as printer:
        printer.sendall(data)
except OSError as error:
    print("ERROR:", error, file=sys.stderr)
    sys.exit(1)
"""
# Jobs are for their owner alone to cancel, as in the configuration that CUPS comes with.
_SERVER = """\
Listen 127.0.0.1:{port}
Browsing No
<Location />
  Order allow,deny
  Allow from 127.0.0.1
</Location>
<Policy default>
  <Limit Cancel-Job Cancel-My-Jobs Purge-Jobs>
    Require user @OWNER @SYSTEM
    Order deny,allow
  </Limit>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""
_FILES = """\
ServerRoot {folder}/root
ServerBin {folder}/bin
CacheDir {folder}/cache
StateDir {folder}/run
RequestRoot {folder}/spool
TempDir {folder}/spool/tmp
AccessLog {folder}/access.log
ErrorLog {folder}/error.log
PageLog {folder}/page.log
SystemGroup root
"""


@contextlib.contextmanager
def cups(folder: Path, port: int) -> Iterator[None]:
    """Runs a server on this port of loopback; as root, for it is one."""
    assert CUPSD is not None
    for name in ("root", "bin/backend", "cache", "run", "spool/tmp"):
        (folder / name).mkdir(parents=True)
    for own in Path("/usr/lib/cups").iterdir():
        if own.name != "backend":
            (folder / "bin" / own.name).symlink_to(own)
    backend = folder / "bin" / "backend" / "socket"
    backend.write_text(_BACKEND.format(python=sys.executable))
    backend.chmod(0o700)  # as root: others may not reach the folder of a test
    (folder / "cupsd.conf").write_text(_SERVER.format(port=port))
    (folder / "cups-files.conf").write_text(_FILES.format(folder=folder))
    command = [CUPSD, "-f", "-c", folder / "cupsd.conf", "-s", folder / "cups-files.conf"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True) as server:
        try:
            until(lambda: _answers(port), "CUPS answers")
            yield
        finally:
            end(server)


def queue(port: int, name: str, device: str, policy: str = "abort-job") -> str:
    """Makes or changes a raw queue, and lets it print; returns its address."""
    assert LPADMIN is not None
    more = ["-o", f"printer-error-policy={policy}"]
    made = [LPADMIN, "-h", f"127.0.0.1:{port}", "-p", name, "-E", "-v", device, *more]
    subprocess.run(made, check=True, timeout=20)
    return f"ipp://127.0.0.1:{port}/printers/{name}"


def stand_still(port: int, name: str) -> None:
    """Stops a queue: it keeps what it has."""
    command = ["cupsdisable", "-h", f"127.0.0.1:{port}", name]
    subprocess.run(command, check=True, timeout=20)


def jobs(port: int, name: str) -> str:
    """What waits in a queue."""
    command = ["lpstat", "-h", f"127.0.0.1:{port}", "-o", name]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=True
    ).stdout.strip()


def _answers(port: int) -> bool:
    asked = subprocess.run(
        ["lpstat", "-h", f"127.0.0.1:{port}", "-r"], capture_output=True, timeout=20, check=False
    )
    return b"is running" in asked.stdout
