"""`beltmark-label connect` and `studio up` against a real Label Studio."""

import os
import signal
import stat
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from label_studio_server import DEFAULT, PASSWORD, REPOSITORY, Server, free_port, invite

from labeling.cli import main
from labeling.studio.connection import read_connection
from labeling.studio.signing_in import make_token
from labeling.studio.wire import Wire

pytestmark = [pytest.mark.label_studio, pytest.mark.xdist_group("label_studio")]


def connect(address: str, folder: Path, token: str) -> int:
    (folder / "token").write_text(token)
    connection = str(folder / "connection.json")
    return main(
        ["connect", address, "--token-file", str(folder / "token"), "--connection", connection]
    )


def test_it_connects_and_keeps_the_token_for_oneself(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect(label_studio.address + "/", tmp_path, label_studio.token + "\n") == 0
    path = tmp_path / "connection.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_connection(path).token == label_studio.token
    told = capsys.readouterr()
    assert label_studio.email in told.out
    assert label_studio.token not in told.out + told.err


@pytest.mark.parametrize("ending", ["x", ""])
def test_a_token_that_does_not_open_it_is_told(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    token = label_studio.token[:-3] + "abc" if ending else "0" * 40
    assert connect(label_studio.address, tmp_path, token) == 2
    assert "does not take the token" in capsys.readouterr().err
    assert not (tmp_path / "connection.json").exists()


def test_a_token_that_was_revoked_is_told_and_can_be_made_anew(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = invite(label_studio.address, label_studio.token, "jan@example.org")
    assert connect(label_studio.address, tmp_path, token) == 0
    wire = Wire(label_studio.address, token)
    wire.checked("POST", "/api/token/blacklist/", {"json": {"refresh": token}})
    capsys.readouterr()
    pull = ["pull", str(tmp_path / "store"), "--connection", str(tmp_path / "connection.json")]
    assert main(pull) == 2
    told = capsys.readouterr().err
    assert "does not take the token" in told
    assert "make a new one in Label Studio" in told
    assert token not in told
    again = make_token(label_studio.address, "jan@example.org", PASSWORD)
    assert connect(label_studio.address, tmp_path, again) == 0


def test_no_server_and_another_server_are_told_apart(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect(f"http://127.0.0.1:{free_port()}", tmp_path, label_studio.token) == 2
    assert "cannot be reached" in capsys.readouterr().err

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>hello</h1>")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Other)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert connect(f"http://127.0.0.1:{server.server_port}", tmp_path, label_studio.token) == 2
    finally:
        server.shutdown()
        server.server_close()
    assert "it is not Label Studio" in capsys.readouterr().err


def test_studio_up_starts_connects_and_ends_in_order(label_studio: Server, tmp_path: Path) -> None:
    executable = Path(os.environ.get("BELTMARK_LABEL_STUDIO") or DEFAULT)
    data, connection, port = tmp_path / "data", tmp_path / "connection.json", free_port()
    environment = executable.parents[1]
    if not (environment / "empty").is_dir():
        pytest.skip("making a database takes minutes here")
    subprocess.run(["cp", "-r", str(environment / "empty"), str(tmp_path / "d")], check=True)
    data.mkdir()
    (tmp_path / "d").rename(data / "data")
    up = subprocess.Popen(
        [sys.executable, "-m", "labeling.cli", "studio", "up", "--data", str(data), "--port",
         str(port), "--environment", str(made_ready(environment, tmp_path)), "--connection",
         str(connection)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert up.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = up.stdout.readline()
            assert line, told
            told += line
        assert f"sign in at http://127.0.0.1:{port}" in told
        password = (data / "password").read_text().strip()
        assert password not in told
        assert password not in Path(f"/proc/{child_of(up.pid)}/cmdline").read_text()
        assert main(["connect", f"http://127.0.0.1:{port}", "--token-file",
                     write_token(connection), "--connection", str(connection)]) == 0  # fmt: skip
        child = child_of(up.pid)
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
        while Path(f"/proc/{child}").exists():
            time.sleep(0.05)
    finally:
        up.kill()
        up.wait()


def made_ready(environment: Path, tmp_path: Path) -> Path:
    """An environment that `studio up` takes for its own, with the executable of the tests'."""
    from beltmark.contract.documents import sha256_of  # noqa: PLC0415
    from labeling.studio.environment import REQUIREMENTS  # noqa: PLC0415

    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "label-studio").symlink_to(environment / "bin" / "label-studio")
    (folder / "ready").write_text(sha256_of(REQUIREMENTS.read_bytes()))
    return folder


def write_token(connection: Path) -> str:
    path = connection.with_name("token")
    path.write_text(read_connection(connection).token)
    return str(path)


def child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])
