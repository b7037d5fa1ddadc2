"""docs/keys.md, line by line, as a station's own trust sees what comes of it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_release import write_release
from signed_site import TOKEN, SiteServer

from edge_agent.update.errors import ReleaseRefused
from edge_agent.update.trust import TufTrust
from fleet_server.cli import main
from fleet_server.releases.keys import key_name, key_paths, read_key

DOCUMENT = Path(__file__).parents[2] / "docs/keys.md"


def blocks() -> list[list[str]]:
    """The commands of each block."""
    found = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return [block.splitlines() for block in found]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the document's names are."""
    for name in ("nina", "ben", "mara", "olga"):
        (tmp_path / f"{name}.txt").write_text(f"{name} knows four words\n")
    write_release(tmp_path / "release")
    monkeypatch.chdir(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        yield tmp_path


def run(folder: Path, lines: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "beltmark-fleet"
        if "ID-OF-MARA" in words:
            mara = read_key(folder / "mara/root.pem", b"mara knows four words")
            words[words.index("ID-OF-MARA")] = key_name(mara)
        assert main(words[1:]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_the_ceremony_is_accepted_by_stations(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ceremony, release, renewal, server_key, lost, anew = blocks()
    run(folder, ceremony[:1], capsys)
    first_root = (folder / "site/root.json").read_bytes()
    with SiteServer(folder / "site/repository") as server:

        def station(name: str, root: bytes = b"") -> TufTrust:
            return TufTrust(
                server.address,
                root or first_root,
                lambda: TOKEN,
                metadata=folder / name / "tuf",
                downloads=folder / name / "downloads",
            )

        station("stays").refresh()
        station("away").refresh()
        run(folder, ceremony[1:], capsys)
        for role in ("root", "targets"):
            assert not key_paths(folder / "site/keys", role)
        run(folder, release[:-1], capsys)
        with pytest.raises(ReleaseRefused, match="have signed no release"):
            station("stays").find("release-1", lambda: True)
        told = run(folder, release[-1:], capsys)
        assert told == "signed: stations follow when they next look\n"
        for block in (renewal, server_key, lost):
            assert "signed: stations follow" in run(folder, block, capsys)
            assert station("stays").find("release-1", lambda: True).bundle.release == "release-1"
        station("away").find("release-1", lambda: True)  # over all roots to the latest
        new_root = (folder / "site/root.json").read_bytes()
        assert new_root != first_root
        station("new", new_root).find("release-1", lambda: True)

        assert "at each station: copy the site's root.json" in run(folder, anew, capsys)
        with pytest.raises(ReleaseRefused, match="not signed by the keys"):
            station("stays").find("release-1", lambda: True)
        visited = station("stays", (folder / "site/root.json").read_bytes())
        assert visited.find("release-1", lambda: True).bundle.release == "release-1"


def test_what_cannot_be_shared_out_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "site"]) == 0
    media = ["--medium", "nina", "--medium", "nina"]
    words = ["--passphrase-file", "nina.txt"]
    (folder / "short.txt").write_text("short\n")
    for arguments, told in (
        (["--threshold", "3", "--keys", "2", *media, *words], "3 of 2 keys"),
        (["--threshold", "1", "--keys", "2", *media, *words], "a medium is given twice"),
        (
            ["--threshold", "1", "--keys", "1", "--medium", "x", "--passphrase-file", "short.txt"],
            "shorter than 12 characters",
        ),
        (["--single", "--medium", "x"], "--single keeps the keys"),
    ):
        assert main(["keys", "init", "site", *arguments]) == 2
        assert told in capsys.readouterr().err
    assert main(["keys", "init", "site", "--single"]) == 0
    assert main(["keys", "rotate", "site", "targets"]) == 0
    assert "signed: stations follow" in capsys.readouterr().out
    assert not (folder / "nina").exists()
