from pathlib import Path

import pytest

from beltmark.contract.enrolment import parse_token
from fleet_server.cli import main
from fleet_server.site import open_site


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["init", str(tmp_path / "site")]) == 0
    capsys.readouterr()
    return tmp_path / "site"


def test_a_token_is_all_that_is_printed(site: Path, capsys):
    assert main(["enrol", str(site), "belt-1"]) == 0
    told = capsys.readouterr()
    token = parse_token(told.out)
    assert token.device == "belt-1"
    assert token.fingerprint == open_site(site).authority().fingerprint
    assert str(token) not in told.err
    assert main(["enrolled", str(site)]) == 0
    assert "belt-1" in (out := capsys.readouterr().out)
    assert "not enrolled; a token waits" in out
    assert main(["enrol", str(site), "../belt"]) == 2


def test_a_broker_that_knows_no_certificates_leaves_a_session_as_it_is(site: Path, capsys):
    assert main(["revoke", str(site), "belt-1"]) == 1
    assert "embedded broker knows no certificates" in capsys.readouterr().err
    settings = site / "fleet.toml"
    settings.write_text(settings.read_text().replace('"embedded"', '"mqtt://127.0.0.1:9"'))
    assert main(["revoke", str(site), "belt-1"]) == 1
    assert "set mqtts://" in capsys.readouterr().err
    settings.write_text(settings.read_text().replace("mqtt://", "mqtts://"))
    assert main(["revoke", str(site), "belt-1"]) == 1
    told = capsys.readouterr().err
    assert "write its list anew" in told
    assert "cannot be reached" in told
    assert "device-token still comes in" in told
    settings.write_text(settings.read_text().replace("# shared_token", "shared_token"))
    assert main(["revoke", str(site), "belt-1"]) == 1
    assert "device-token" not in capsys.readouterr().err


def test_a_list_that_cannot_be_written_is_told(site: Path, capsys):
    (site.parent / "taken").write_text("a file, where the folder should be")
    settings = site / "fleet.toml"
    text = f'address = "mqtts://127.0.0.1:9"\nfolder = "{site.parent}/taken"'
    settings.write_text(settings.read_text().replace('address = "embedded"', text))
    assert main(["revoke", str(site), "belt-1"]) == 1
    assert "list cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--host", ""],
        ["--host", "bäd"],
        ["--host", "a b"],
        ["--host", "ok", "--bind", "1.2.3.4\nallow_anonymous true"],
        ["--host", "ok", "--data", "/data\nallow_anonymous true"],
        ["--host", "ok", "--at", ""],
        ["--host", "ok", "--pid-file", "\x00"],
        [],
    ],
)
def test_what_would_write_another_configuration_is_refused(site: Path, options: list[str]):
    folder = site.parent / "broker"
    with pytest.raises(SystemExit) as ended:
        main(["broker-config", str(site), str(folder), *options])
    assert ended.value.code == 2
    assert not folder.exists()


def test_what_the_site_is_to_say_of_its_broker_is_printed(site: Path, capsys):
    folder = site.parent / "broker"
    assert main(["broker-config", str(site), str(folder), "--host", "::1", "--port", "1"]) == 0
    told = capsys.readouterr().out
    assert 'address = "mqtts://[::1]:1"' in told
    settings = site / "fleet.toml"
    section = told[told.index("[broker]") :]
    begin, _, rest = settings.read_text().partition("[broker]")
    settings.write_text(begin + section + rest[rest.index("\n[") :])
    assert open_site(site).settings.broker.folder == folder
