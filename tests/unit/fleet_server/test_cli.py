"""`beltmark-fleet` without a server: what it makes, lists, asks for, refuses, and says."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fleet_app import sample_upload
from fleet_messages import birth, heartbeat, reported
from fleet_pictures import jpeg
from fleet_release import write_release

from beltmark.contract.records import PartHealth
from beltmark.contract.sample import SampleUpload
from fleet_server.cli import main
from fleet_server.handlers.samples import SampleFolder, take_sample
from fleet_server.listing import printable
from fleet_server.site import init_site, open_site, open_site_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.telemetry import TelemetryStore
from fleet_server.tokens import is_token

HEAVY = ("pydantic", "sqlalchemy", "fastapi", "uvicorn", "tuf", "paho", "jinja2", "iotcore")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    init_site(tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def engine(site: Path):
    opened = open_site_database(open_site(site))
    yield opened
    opened.dispose()


@pytest.fixture
def fleet(engine) -> FleetStore:
    """Two stations and two releases."""
    telemetry = TelemetryStore(engine)
    for device in ("belt-1", "belt-2"):
        telemetry.take_birth(birth(device=device, release="release-1"))
    return FleetStore(engine)


def add_releases(site: Path, *names: str) -> None:
    for name in names:
        folder = write_release(site.parent / name, name, model=name.encode())
        assert main(["release", "add", str(site), str(folder)]) == 0
        assert main(["release", "approve", str(site), name, "--override", "a test"]) == 0


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from fleet_server.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: beltmark-fleet" in done.stdout
    assert done.stdout.endswith("loaded []\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["init"],
        ["serve"],
        ["serve", "s", "--embedded-broker", "--broker", "mqtt://h"],
        ["serve", "s", "--port", "65536"],
        ["serve", "s", "--seconds", "0"],
        ["release"],
        ["release", "add", "s"],
        ["push", "s", "r"],
        ["push", "s", "r", "--all", "--device", "d"],
        ["back", "s"],
        ["samples", "s", "--last", "0"],
        ["station", "s"],
    ],
)
def test_wrong_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_new_site_says_its_token_once_and_what_comes_next(tmp_path, capsys):
    folder = tmp_path / "the site"
    assert main(["init", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{folder}: made"
    token = lines[1].removeprefix("admin token: ")
    assert is_token(token, open_site(folder).admin_sha256())
    assert lines[-1] == f"next: beltmark-fleet serve '{folder}'"
    assert main(["init", str(folder)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_renewed_token_ends_the_old_one(site, capsys):
    before = open_site(site).admin_sha256()
    assert main(["token", str(site)]) == 0
    token = capsys.readouterr().out.splitlines()[0].removeprefix("admin token: ")
    assert is_token(token, open_site(site).admin_sha256())
    assert open_site(site).admin_sha256() != before


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve"],
        ["release", "list"],
        ["push", "--all"],
        ["back", "--all"],
        ["devices"],
        ["samples"],
        ["station"],
        ["token"],
    ],
)
def test_a_folder_that_is_no_site_is_one_line(arguments, tmp_path, capsys):
    more = {"push": ["release-1"], "station": ["belt-1"]}.get(arguments[0], [])
    options = [one for one in arguments if one.startswith("--")]
    words = [one for one in arguments if not one.startswith("--")]
    assert main([*words, str(tmp_path), *more, *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    told = "is no site: there is no fleet.toml (make one with beltmark-fleet init)"
    assert printed.err == f"{tmp_path}: {told}\n"


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("mysql://u:secret@h/d", "mysql is not known"),
        ("postgresql://u:secret@127.0.0.1:1/d", "the database cannot be used"),
        ("sqlite:///none/fleet.sqlite", "is not there"),
    ],
)
def test_a_database_that_cannot_be_used_leaves_no_site(database, told, tmp_path, capsys):
    assert main(["init", str(tmp_path / "site"), "--database", database]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "secret" not in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_release_is_added_once_and_listed_with_who_runs_it(site, fleet, capsys):
    add_releases(site, "release-1", "release-2")
    told = capsys.readouterr().out
    assert "release release-2: added as a draft\n  no gate has judged it\nnext: " in told
    assert "release release-2: approved and signed\nnext: beltmark-fleet rollout start" in told
    assert main(["release", "add", str(site), str(site.parent / "release-2")]) == 0
    assert capsys.readouterr().out == "release release-2: known already\n"
    assert set(open_site(site).repository().releases()) == {"release-1", "release-2"}
    assert main(["release", "list", str(site)]) == 0
    second, first = capsys.readouterr().out.splitlines()
    assert second.startswith("release-2                approved ")
    assert second.endswith("; runs on no station")
    assert first.endswith("; runs on belt-1, belt-2")
    assert main(["release", "list", str(site), "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["release"] for one in listed] == ["release-2", "release-1"]
    assert listed[0]["added_by"].endswith("at the command line")


def test_a_release_may_be_for_some_devices_alone(site, fleet, capsys):
    folder = str(write_release(site.parent / "r"))
    wanted = ["--machine", "x86_64", "--machine", "aarch64", "--max-latency-ms", "40"]
    assert main(["release", "add", str(site), folder, *wanted]) == 0
    (known,) = fleet.releases()
    assert known.bundle.requires.machines == ("x86_64", "aarch64")
    assert known.bundle.requires.max_latency_ms == 40.0
    capsys.readouterr()
    for wrong in (["--machine", "x 86"], ["--max-latency-ms", "nan"], ["--max-latency-ms", "0"]):
        assert main(["release", "add", str(site), folder, *wrong]) == 2
        assert capsys.readouterr().err.startswith("the command line: ")


def test_what_is_no_release_is_one_line(site, tmp_path, capsys):
    assert main(["release", "add", str(site), str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{tmp_path}/none: no such release")
    assert error.count("\n") == 1


def test_stations_are_asked_and_asked_back(site, fleet, capsys):
    add_releases(site, "release-1", "release-2")
    capsys.readouterr()
    assert main(["push", str(site), "release-1", "--all"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "belt-1: asked to run release-1 (request 1)",
        "belt-2: asked to run release-1 (request 1)",
    ]
    assert printed.err == "nobody serves the site: stations hear of it when it is served\n"
    assert main(["push", str(site), "release-2", "--device", "belt-2"]) == 0
    assert main(["back", str(site), "--device", "belt-2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "belt-2: asked to run release-1 (request 3)"
    assert [(one.device, one.release) for one in fleet.unpublished()] == [
        ("belt-1", "release-1"),
        ("belt-2", "release-1"),
    ]
    assert fleet.log(1)[0].who.endswith("at the command line")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["push", "release-9", "--all"], "there is no release 'release-9'"),
        (["push", "release-1", "--device", "belt-1", "belt-9"], "there is no device 'belt-9'"),
        (["back", "--all"], "no other release was asked of belt-1 before"),
    ],
)
def test_what_cannot_be_asked_is_asked_of_nobody(arguments, told, site, fleet, capsys):
    add_releases(site, "release-1")
    capsys.readouterr()
    assert main([arguments[0], str(site), *arguments[1:]]) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.err.count("\n") == 1
    assert fleet.all_desired() == []


def test_nobody_can_be_asked_before_the_first_station(site, capsys):
    add_releases(site, "release-1")
    assert main(["push", str(site), "release-1", "--all"]) == 2
    assert "there is no device yet (connect a station first)" in capsys.readouterr().err


def test_without_a_server_nobody_knows_how_the_stations_are(site, engine, fleet, capsys):
    telemetry = TelemetryStore(engine)
    telemetry.take_reported(reported(device="belt-1"))
    telemetry.take_heartbeat(heartbeat(device="belt-1"))
    assert main(["devices", str(site)]) == 0
    printed = capsys.readouterr()
    assert printed.err == "nobody serves the site: how the stations are is not known\n"
    first, second = printed.out.splitlines()
    assert first.startswith("belt-1           Not known, last heard ")
    assert first.endswith(", runs release-1")
    assert second.startswith("belt-2           Not known, last heard ")
    assert main(["devices", str(site), "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["device"], one["state"], one["release"]) for one in listed] == [
        ("belt-1", "unknown", "release-1"),
        ("belt-2", "unknown", "release-1"),
    ]


def test_what_a_station_says_does_not_move_a_terminal(site, engine, fleet, capsys):
    told = "\x1b[2Jpaper\nbelt-2 runs \u202e\x9b1m"
    part = PartHealth(state="down", told=told)
    beat = heartbeat().model_copy(update={"parts": {"printer": part}})
    telemetry = TelemetryStore(engine)
    telemetry.take_birth(birth(session=2, release="r\x1b[31m"))
    telemetry.take_heartbeat(beat.model_copy(update={"session": 2}))
    assert main(["devices", str(site)]) == 0
    printed = capsys.readouterr().out
    assert "r\\x1b[31m" in printed
    assert all(one.isprintable() for line in printed.splitlines() for one in line)
    assert printable(told) == "\\x1b[2Jpaper\\nbelt-2 runs \\u202e\\x9b1m"


def test_samples_are_listed_with_their_images(site, engine, fleet, capsys):
    opened = open_site(site)
    folder = SampleFolder(opened.samples_folder, 100)
    for number, device in enumerate(("belt-1", "belt-2", "belt-2")):
        upload = SampleUpload.model_validate(sample_upload(f"s{number}", jpeg()))
        assert take_sample(fleet, folder, device, upload)
    assert main(["samples", str(site)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    image = next(Path(word) for word in lines[0].split() if word.endswith(".jpg"))
    assert image.read_bytes() == jpeg()
    assert main(["samples", str(site), "--device", "belt-2", "--last", "1", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    listed = json.loads(line)
    assert (listed["device"], listed["sample"]["sample_id"]) == ("belt-2", "s2")


def test_a_station_file_gets_its_section(site, capsys):
    assert main(["station", str(site), "belt-1"]) == 0
    printed = capsys.readouterr().out
    assert tomllib.loads(printed) == {
        "fleet": {
            "server": "http://127.0.0.1:8000",
            "broker": "mqtt://127.0.0.1:1883",
            "root": str(site / "root.json"),
            "token_file": str(site / "device-token"),
        }
    }
    assert 'has name = "belt-1"' in printed
    assert "no other reaches them" in printed


def test_a_section_tells_no_secret_of_the_server(site, monkeypatch, capsys):
    monkeypatch.setenv("BELTMARK_FLEET__BROKER__ADDRESS", "mqtt://me:hush@mq.example:1884")
    monkeypatch.setenv("BELTMARK_FLEET__SERVER__ADDRESS", "https://fleet.example/")
    assert main(["station", str(site), "belt-1"]) == 0
    printed = capsys.readouterr().out
    assert "hush" not in printed
    section = tomllib.loads(printed)["fleet"]
    assert (section["server"], section["broker"]) == (
        "https://fleet.example",
        "mqtt://mq.example:1884",
    )
    assert "no other reaches them" not in printed


@pytest.mark.parametrize("name", ["", "belt 1", '"\nx = 1', "x" * 65])
def test_a_name_that_no_station_can_have_is_told(name, site, capsys):
    assert main(["station", str(site), name]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no station can have the name" in printed.err


def test_settings_that_cannot_be_read_are_one_line(site, capsys):
    (site / "fleet.toml").write_text("port = ")
    assert main(["serve", str(site)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{site}/fleet.toml: not valid TOML")
    assert error.count("\n") == 1
