import os
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509

from beltmark.contract.errors import InputError
from fleet_server.devices.authority import open_authority
from fleet_server.site import init_site, open_site


def test_a_site_has_an_authority_from_the_first(tmp_path: Path):
    init_site(tmp_path / "site")
    path = tmp_path / "site" / "keys" / "authority.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    site = open_site(tmp_path / "site")
    first = site.authority()
    assert first.fingerprint == site.authority().fingerprint
    found = first.issuer.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert found.critical
    assert (found.value.ca, found.value.path_length) == (True, 0)
    path.unlink()  # as in a site of before
    assert site.authority().fingerprint != first.fingerprint
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_is_the_sites_owners(tmp_path: Path):
    os.chown(tmp_path, 65_534, 65_534)
    open_authority(tmp_path, "s")
    assert (tmp_path / "authority.pem").stat().st_uid == 65_534


def test_two_who_make_it_at_once_have_the_same(tmp_path: Path):
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_authority(tmp_path, "s").fingerprint))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_damaged_one_is_told_and_kept(tmp_path: Path):
    open_authority(tmp_path, "s")
    path = tmp_path / "authority.pem"
    content = path.read_bytes()
    for damaged in (b"", content[:200], content[: content.index(b"-----BEGIN CERT")]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="restore it"):
            open_authority(tmp_path, "s")
        assert path.read_bytes() == damaged
