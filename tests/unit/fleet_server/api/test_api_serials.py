"""Devices lease numbers over HTTP; people see how many are left."""

import json
import tomllib
from dataclasses import replace

import pytest
from fleet_app import FleetApp, fleet_app

from beltmark.contract.serials import NumberRange
from fleet_server.cli import main
from fleet_server.handlers.serials import default_prefix
from fleet_server.settings import SerialsSection
from fleet_server.site import open_site

SERIALS = "/api/v1/devices/belt-1/serials"


@pytest.fixture
def fleet(tmp_path) -> FleetApp:
    with fleet_app(tmp_path) as made:
        yield made


def asked(request: str = "r1", kind: str = "serial", count: int = 1_000) -> dict[str, object]:
    return {"request": request, "kind": kind, "count": count}


def with_company_prefix(fleet: FleetApp, prefix: str) -> FleetApp:
    section = SerialsSection(company_prefix=prefix, extension_digits="0")
    settings = fleet.site.settings.model_copy(update={"serials": section})
    return replace(fleet, site=replace(fleet.site, settings=settings))


def test_a_device_leases_serials_and_is_answered_the_same_again(fleet: FleetApp) -> None:
    first = fleet.device.post(SERIALS, json=asked())
    assert first.status_code == 200
    found = NumberRange.model_validate_json(first.content)
    assert (found.head, found.first, found.last) == (
        default_prefix(fleet.site.settings.site.id), 0, 999,
    )  # fmt: skip
    assert fleet.device.post(SERIALS, json=asked()).json() == first.json()
    other = fleet.device.post("/api/v1/devices/belt-2/serials", json=asked()).json()
    assert other["first"] == 1_000


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (asked(count=0), 422),
        (asked(count=10**9), 422),
        (asked(kind="gtin"), 422),
        (asked(request="../x"), 422),
        (asked(kind="sscc"), 409),
    ],
)
def test_what_cannot_be_leased_is_told(fleet, said, status) -> None:
    assert fleet.device.post(SERIALS, json=said).status_code == status


def test_only_devices_of_the_fleet_lease(fleet: FleetApp) -> None:
    assert fleet.stranger.post(SERIALS, json=asked()).status_code == 401
    assert fleet.admin.post(SERIALS, json=asked()).status_code == 401
    strange = fleet.device.post("/api/v1/devices/belt-9/serials", json=asked())
    assert strange.status_code == 404


def test_ssccs_that_run_out_are_told_on_the_pages(fleet: FleetApp) -> None:
    small = with_company_prefix(fleet, "401234567890")
    assert small.device.post(SERIALS, json=asked("a", "sscc", 5_000)).status_code == 200
    problems = small.stranger.get("/api/v1/health").json()["problems"]
    assert any("SSCCs run out in 24 h" in problem for problem in problems)
    assert small.device.post(SERIALS, json=asked("b", "sscc", 9_999)).json()["last"] == 9_999
    assert small.device.post(SERIALS, json=asked("c", "sscc")).status_code == 409
    problems = small.stranger.get("/api/v1/health").json()["problems"]
    assert any("no SSCCs are left" in problem for problem in problems)


def test_set_up_says_how_many_ssccs_there_are(tmp_path, capsys) -> None:
    site = tmp_path / "site"
    assert main(["init", str(site), "--company-prefix", "4012345678"]) == 0
    assert "10,000,000 with all ten" in capsys.readouterr().out
    assert open_site(site).settings.serials.company_prefix == "4012345678"
    assert main(["serials", str(site), "--json", "--skip", "5", "--kind", "sscc"]) == 0
    told, serial, sscc = capsys.readouterr().out.splitlines()
    assert told == "passed over: 5"
    assert json.loads(serial)["capacity"] == 10**10
    assert (json.loads(sscc)["capacity"], json.loads(sscc)["left"]) == (10**7, 10**7 - 5)
    assert main(["serials", str(site)]) == 0
    assert "9,999,995 of 10,000,000 left" in capsys.readouterr().out


def test_a_station_file_leases_where_the_site_says_so(tmp_path, capsys) -> None:
    site = tmp_path / "site"
    main(["init", str(site)])
    capsys.readouterr()
    main(["station", str(site), "belt-1"])
    assert "serials" not in tomllib.loads(capsys.readouterr().out)
    path = site / "fleet.toml"
    path.write_text(path.read_text().replace("leased = false", "leased = true"))
    main(["station", str(site), "belt-1"])
    assert tomllib.loads(capsys.readouterr().out)["serials"] == {"leased": True}
