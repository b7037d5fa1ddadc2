import stat
from pathlib import Path

from cryptography import x509
from fleet_messages import Clock

from fleet_server.devices.authority import open_authority
from fleet_server.devices.broker_config import (
    BrokerPlan,
    broker_problem,
    configuration,
    write_broker_config,
    write_revocations,
)
from fleet_server.devices.certificates import BROKER_DAYS


def plan(folder: Path, bind: str | None = None) -> BrokerPlan:
    return BrokerPlan(
        ["mq.example", "10.0.0.2"], 8883, bind, folder, Path("/data"), Path("/run/m.pid")
    )


def test_the_brokers_key_is_a_secret_and_nothing_else_is(tmp_path: Path):
    authority, folder = open_authority(tmp_path, "s"), tmp_path / "broker"
    write_broker_config(authority, folder, plan(folder), list)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}
    assert modes.pop("server.pem") == 0o600
    assert set(modes.values()) == {0o644}
    secret = [one.name for one in folder.iterdir() if b"PRIVATE KEY" in one.read_bytes()]
    assert secret == ["server.pem"]
    own = (tmp_path / "authority.pem").read_bytes()
    assert own not in [one.read_bytes() for one in folder.iterdir()]


def test_a_broker_may_listen_on_one_address_alone(tmp_path: Path):
    assert "listener 8883\n" in configuration(plan(tmp_path))
    assert "listener 8883 10.0.0.2\n" in configuration(plan(tmp_path, "10.0.0.2"))


def test_a_certificate_that_runs_out_is_told_in_time(tmp_path: Path):
    clock, folder = Clock(1.8e9), tmp_path / "broker"
    authority = open_authority(tmp_path, "s", clock)
    assert "does not hold" in str(broker_problem(folder, clock()))
    write_broker_config(authority, folder, plan(folder), list)
    assert broker_problem(folder, clock()) is None
    clock.now += (BROKER_DAYS - 59) * 86_400
    assert "runs out on" in str(broker_problem(folder, clock()))
    write_broker_config(authority, folder, plan(folder), list)
    assert broker_problem(folder, clock()) is None


def test_what_is_revoked_while_a_list_is_written_stands_in_it(tmp_path: Path):
    asked = iter([[(1, 1.8e9)], [(1, 1.8e9), (2, 1.8e9)], [(1, 1.8e9), (2, 1.8e9)]])
    write_revocations(open_authority(tmp_path, "s"), tmp_path, lambda: next(asked))
    written = x509.load_pem_x509_crl((tmp_path / "revoked.pem").read_bytes())
    assert [one.serial_number for one in written] == [1, 2]
