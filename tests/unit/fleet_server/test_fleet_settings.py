import tomllib
from pathlib import Path

import pytest

from beltmark.contract.errors import InputError, UnknownVersionError
from fleet_server.settings import (
    FleetFile,
    database_url,
    read_settings,
    render_settings,
    toml_text,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(render_settings("site-1", "sqlite:///fleet.sqlite"))
    return path


def test_a_new_file_says_what_is_so_anyway(path):
    assert read_settings(path, {}) == FleetFile(site={"id": "site-1"})


def test_the_environment_stands_above_the_file(path):
    settings = read_settings(
        path,
        {
            "BELTMARK_FLEET__SERVER__PORT": "9000",
            "BELTMARK_FLEET__DATABASE__URL": "postgresql://u:p@h/d",
            "OTHER": "x",
        },
    )
    assert settings.server.port == 9000
    assert settings.database.url == "postgresql://u:p@h/d"


def test_a_wrong_variable_is_named(path):
    with pytest.raises(InputError, match="variable BELTMARK_FLEET__SERVER__PORT: server"):
        read_settings(path, {"BELTMARK_FLEET__SERVER__PORT": "many"})
    with pytest.raises(InputError, match="BELTMARK_FLEET__PORT: names no field"):
        read_settings(path, {"BELTMARK_FLEET__PORT": "1"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("format_version = 1\n", r"site: missing"),
        ('[site]\nid = "s"\n[server]\nport = 70000', r"server\.port"),
        ('[site]\nid = "s"\n[server]\nprot = 7', r"server\.prot: unknown field"),
        ('[site]\nid = "s"\n[server]\naddress = "fleet"', r"server\.address"),
        ('server = 3\n[site]\nid = "s"', r"fleet\.toml: server"),
        ("[site", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told(path, text, told):
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_settings(path, {})


def test_a_file_of_another_version_is_told(path):
    path.write_text("format_version = 2\nnew = 1\n")
    with pytest.raises(UnknownVersionError):
        read_settings(path, {})


def test_a_relative_database_lies_in_the_site(tmp_path):
    place = f"sqlite:///{tmp_path / 'fleet.sqlite'}"
    assert database_url("sqlite:///fleet.sqlite", tmp_path) == place
    assert database_url(place, tmp_path / "other") == place
    for other in ("postgresql://user:secret@host/name", "nonsense", "sqlite://"):
        assert database_url(other, tmp_path) == other


@pytest.mark.parametrize("text", ["plain", 'a "b" \\ c', "line\nend\x7f", "ü 🎁"])
def test_a_text_comes_back_from_toml(text):
    assert tomllib.loads(f"x = {toml_text(text)}")["x"] == text
