import pytest
from fleet_app import FleetApp, fleet_app
from fleet_messages import SENT_AT


@pytest.fixture
def fleet(tmp_path) -> FleetApp:
    with fleet_app(tmp_path) as made:
        yield made


def test_devices_are_told_as_they_are(fleet):
    fleet.clock.now = SENT_AT + 1
    first, second = fleet.admin.get("/api/v1/devices").json()
    assert (first["device"], first["state"], first["may_run"]) == ("belt-1", "online", True)
    assert (first["agent_version"], first["camera"]) == ("0.1", "<b>cam</b>")
    assert (second["device"], second["may_run"]) == ("belt-2", None)  # no heartbeat yet
    fleet.clock.now = SENT_AT + 100
    assert fleet.admin.get("/api/v1/devices").json()[0]["state"] == "silent"


def test_items_are_told_the_latest_first(fleet):
    answer = fleet.admin.get("/api/v1/devices/belt-1/items").json()
    assert [one["item"]["item_id"] for one in answer] == ["i3", "i2", "i1"]
    assert answer[0]["item"]["reason"] == "a carton with 0.99"
    page = fleet.admin.get(
        "/api/v1/devices/belt-1/items", params={"limit": 1, "before": SENT_AT + 3}
    ).json()
    assert [(one["item"]["item_id"], one["step"]) for one in page] == [("i2", 2)]
    assert fleet.admin.get("/api/v1/devices/belt-2/items").json() == []
    assert fleet.admin.get("/api/v1/devices/belt-3/items").status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "before=nan", "before=-1"])
def test_bounds_of_a_list_are_checked(fleet, query):
    answer = fleet.admin.get(f"/api/v1/devices/belt-1/items?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("query.")


def test_a_release_is_pushed_and_taken_back(fleet):
    for number, release in enumerate(("release-1", "release-2"), 1):
        answer = fleet.admin.post("/api/v1/devices/belt-1/desired", json={"release": release})
        assert answer.status_code == 200
        told = answer.json()
        assert (told["device"], told["desired_version"], told["release"]) == (
            "belt-1",
            number,
            release,
        )
        assert told["issued_by"] == "admin"
    assert fleet.admin.post("/api/v1/devices/belt-1/back").json()["release"] == "release-1"
    first = fleet.admin.get("/api/v1/devices").json()[0]
    assert (first["desired_release"], first["desired_version"]) == ("release-1", 3)


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("belt-9/desired", {"release": "release-1"}, 404, "there is no device 'belt-9'"),
        ("belt-1/desired", {"release": "release-9"}, 422, "there is no release 'release-9'"),
        ("belt-1/desired", {"release": "../../etc"}, 422, "body.release"),
        ("belt-1/desired", {"release": "release-1", "more": 1}, 422, "body.more"),
        ("belt-1/desired", {}, 422, "body.release"),
        ("belt-1/desired", None, 422, "body"),
        ("belt-1/back", None, 422, "no other release was asked of belt-1 before"),
        ("-belt/back", None, 422, "path.device"),
    ],
)
def test_what_cannot_be_asked_is_told(fleet, path, body, status, told):
    answer = fleet.admin.post(f"/api/v1/devices/{path}", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]
    assert fleet.fleet.all_desired() == []


def test_releases_are_listed(fleet):
    second, first = sorted(
        fleet.admin.get("/api/v1/releases").json(), key=lambda one: one["release"], reverse=True
    )
    assert (first["release"], second["release"]) == ("release-1", "release-2")
    assert first["files"] == 6
    assert first["total_bytes"] > 9 * 40_000
    assert first["requires"] == {"machines": [], "max_latency_ms": None}
