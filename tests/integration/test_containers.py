"""What `docker/` says, as far as it can be tried without containers."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import yaml
from mqtt_brokers import Mosquitto
from waiting import until

from beltmark.demo.processes import end, free_port

PROJECT = Path(__file__).resolve().parents[2]
DOCKER = PROJECT / "docker"


def test_what_is_copied_and_installed_is_there() -> None:
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert copied
    assert not [name for name in copied if not (PROJECT / name).exists()]
    kept = (PROJECT / ".dockerignore").read_text().splitlines()
    assert not [name for name in copied if f"!{name}" not in kept]
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    asked = re.findall(r"'\.\[([a-z,]+)\]'", "\n".join(lines))
    assert {"fleet", "labeling", "training"} <= set(asked)
    known = set(extras["optional-dependencies"])
    assert not [name for names in asked for name in names.split(",") if name not in known]
    commands = re.findall(r'ENTRYPOINT \["(beltmark-[a-z]+)"\]', "\n".join(lines))
    assert not [name for name in commands if name not in extras["scripts"]]


def test_the_compose_file_builds_what_there_is_and_asks_for_what_is_to_be_chosen() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", (DOCKER / "Dockerfile").read_text(), re.M))
    built = {each["build"]["target"] for each in services.values() if "build" in each}
    assert built
    assert built <= targets
    chosen = (DOCKER / "example.env").read_text()
    for name in re.findall(r"\$\{(\w+)", text):
        assert f"{name}=" in chosen, name
    assert "/docker/.env" in (PROJECT / ".gitignore").read_text()


def test_a_site_is_made_once_and_served(tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SITE": str(tmp_path / "site"),
        "DATABASE_URL": "sqlite:///own.sqlite",
        "PORT": str(port),
    }
    said = []
    for _ in range(2):
        server = subprocess.Popen(
            [DOCKER / "serve-fleet.sh", "--broker-port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=2):
                    return True
            except OSError:
                return False

        try:
            until(answers, "an answer")
        finally:
            end(server)
        assert server.stdout is not None
        said.append(server.stdout.read())
    assert "admin token" in said[0]
    assert "admin token" not in said[1]
    assert (tmp_path / "site" / "own.sqlite").is_file()


def test_the_brokers_settings_let_nobody_in_without_the_password(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    maker = shutil.which("mosquitto_passwd")
    if maker is None:
        pytest.skip("mosquitto_passwd is not on this machine")
    subprocess.run([maker, "-b", "-c", passwords, "beltmark", "secret"], check=True)
    settings = (DOCKER / "mosquitto.conf").read_text().replace("/mosquitto/data/", f"{tmp_path}/")
    assert "listener 1883\n" in settings
    broker = Mosquitto(tmp_path, settings.replace("listener 1883\n", ""))
    broker.start()
    try:
        outcomes = [_reason(broker.port, password) for password in ("secret", "wrong", None)]
    finally:
        broker.stop()
    assert outcomes == ["Success", "Not authorized", "Not authorized"]


def _reason(port: int, password: str | None) -> str:
    reasons: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = lambda *given: reasons.append(str(given[3]))
    if password is not None:
        client.username_pw_set("beltmark", password)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        until(lambda: reasons, "an answer of the broker")
    finally:
        client.loop_stop()
        client.disconnect()
    return reasons[0]
