"""The pages as they come from the app: what stands on them, and what never may."""

import re
from html.parser import HTMLParser

import pytest
from fleet_app import FleetApp, fleet_app, sample_upload
from fleet_messages import SENT_AT, batch, birth, heartbeat, item_body, record
from fleet_pictures import jpeg, png

from beltmark.contract.records import PartHealth
from fleet_server.app import create_app
from fleet_server.storage.engine import writing
from fleet_server.storage.rollouts import RolloutStore
from fleet_server.storage.tables import devices
from fleet_server.storage.telemetry import TelemetryStore

MARKUP = "<script>alert('x')</script><b>\"&'"
PATHS = (
    "/",
    "/devices/belt-1",
    "/devices/belt-1/items/i1",
    "/releases",
    "/rollouts",
    "/samples",
    "/log",
)


@pytest.fixture
def fleet(tmp_path) -> FleetApp:
    with fleet_app(tmp_path) as made:
        yield made


class _Elements(HTMLParser):
    """Every element with its attributes, and the text of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def read(html: str) -> _Elements:
    page = _Elements()
    page.feed(html)
    return page


def show(fleet, path: str, status: int = 200) -> str:
    answer = fleet.admin.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def station_of(html: str, device: str) -> str:
    """The part of the overview that is about one station."""
    found = re.search(rf'<li id="station-{device}".*?</li>\s*(?=<li id="station-|</ol>\s*</main>)',
                      html, re.DOTALL)  # fmt: skip
    assert found is not None
    return found.group()


@pytest.mark.parametrize("path", [*PATHS, "/events?page=/"])
def test_strangers_see_nothing(fleet, path):
    answer = fleet.stranger.get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert fleet.stranger.get(path).status_code == 401
    assert fleet.device.get(path).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/devices/belt-9", "/devices/belt-1/items/i9", "/devices/..%2f..", "/events?page=/nothing",
     "/devices/belt-9/items/i1"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(fleet, path):
    if path.startswith("/events"):
        assert fleet.admin.get(path).status_code == 404
    else:
        assert "Not Found" in show(fleet, path, 404)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_on_a_page_is_from_elsewhere_or_runs_within_it(fleet, path):
    for tag, attributes in read(show(fleet, path)).elements:
        assert tag not in ("style", "iframe", "object")
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "script":
            assert attributes["src"] == "/static/beltmark.js"
        for name in ("src", "href", "action"):
            value = attributes.get(name)
            assert value is None or re.match(r"[/#](?!/)", value), value


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_a_title_a_heading_and_no_id_twice(fleet, path):
    html = show(fleet, path)
    page = read(html)
    assert re.search("<title>[^<]+ · Beltmark</title>", html)
    assert [tag for tag, _ in page.elements].count("h1") == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if tag == "img":
            assert "alt" in attributes


def test_texts_from_outside_are_text(fleet):
    telemetry = TelemetryStore(fleet.engine, fleet.clock)
    telemetry.take_birth(
        birth(2, agent_version=MARKUP, camera=MARKUP, printer=MARKUP, release=MARKUP)
    )
    part = PartHealth(state="down", told=MARKUP)
    beats = heartbeat(2).model_copy(
        update={"may_run": False, "problems": {MARKUP: MARKUP}, "parts": {MARKUP: part}}
    )
    telemetry.take_heartbeat(beats)
    item = item_body(
        "i1", 99, reason=MARKUP, rule=MARKUP, class_name=MARKUP, sku=MARKUP, gtin=MARKUP,
        serial=MARKUP, release=MARKUP, package_sha256=MARKUP, station=MARKUP,
    )  # fmt: skip
    update = {"desired_version": 1, "release": MARKUP, "state": "refused", "reason": MARKUP}
    telemetry.take_batches(
        [
            batch(
                [
                    record(4, "item", **item),
                    record(5, "health", part=MARKUP, health=part.model_dump()),
                    record(6, "update", **update),
                ],
                session=2,
            )
        ]
    )
    telemetry.note_malformed("belt-1", MARKUP)
    candidates = [{"class_name": MARKUP, "probability": 0.5}]
    upload = sample_upload("i1", item_id="i1", reason=MARKUP, release=MARKUP, candidates=candidates)
    assert fleet.device.post("/api/v1/devices/belt-1/samples", json=upload).status_code == 201
    fleet.fleet.note(MARKUP, MARKUP)
    fleet.link.broker_problem = MARKUP
    for path in PATHS:
        html = show(fleet, path)
        page = read(html)
        assert "<script>alert" not in html
        assert '<b>"' not in html
        assert [tag for tag, _ in page.elements].count("script") == 1
        # Once in what is wrong with the server, and where else it belongs.
        assert page.text.count(MARKUP) >= (1 if path in ("/releases", "/rollouts") else 2), path


def test_even_a_device_whose_name_is_markup_is_shown_as_text(fleet):
    with writing(fleet.engine) as connection:
        connection.execute(
            devices.insert().values(
                device=MARKUP, session=1, first_seen_at=SENT_AT, heard_at=SENT_AT, malformed=0
            )
        )
    for path in ("/", "/releases"):
        page = read(show(fleet, path))
        assert [tag for tag, _ in page.elements].count("script") == 1
    assert MARKUP in read(show(fleet, "/")).text


def test_an_empty_fleet_is_told_how_to_begin(fleet):
    with writing(fleet.engine) as connection:
        connection.execute(devices.delete())
    html = show(fleet, "/")
    assert "No station has reported yet" in html
    assert "beltmark-edge run" in html


def test_the_overview_has_a_row_for_each_station(fleet):
    html = show(fleet, "/")
    assert "The belt runs" in station_of(html, "belt-1")
    assert "Connected" in station_of(html, "belt-2")
    assert html.index('id="station-belt-2"') < html.index('id="station-belt-1"')


def test_a_station_that_is_heard_is_green_and_a_silent_one_is_not(fleet):
    assert "tone-running" in station_of(show(fleet, "/"), "belt-1")
    fleet.clock.now += 16
    for html in (show(fleet, "/"), show(fleet, "/devices/belt-1")):
        assert "running" not in re.sub('class="running-release"', "", html)
        assert "Silent" in html


@pytest.mark.parametrize("part", ["broker_problem", "database_problem"])
def test_nothing_is_green_when_the_server_hears_nothing(fleet, part):
    setattr(fleet.link, part, "it cannot be reached")
    for path in PATHS:
        html = show(fleet, path)
        assert "What is shown here may be old:" in html
        assert "it cannot be reached" in html
        assert "data-blind" in html.split("<head>")[0]
        assert "tone-running" not in html
        assert "sign-running" not in html


def test_other_troubles_are_told_and_blind_nobody(fleet):
    fleet.app = create_app(
        fleet.site, fleet.engine, fleet.link, clock=fleet.clock,
        more_problems=lambda: ["the releases cannot be renewed"],
    )  # fmt: skip
    html = fleet.client(fleet.admin_token).get("/").text
    assert "the releases cannot be renewed" in html
    assert "may be old" not in html
    assert "tone-running" in station_of(html, "belt-1")


@pytest.mark.parametrize("path", PATHS)
def test_a_database_that_is_away_is_told_on_the_page_which_comes_back_by_itself(fleet, path):
    with writing(fleet.engine) as connection:
        for table in ("devices", "items", "releases", "samples", "log"):
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_away")
    html = show(fleet, path, 503)
    assert "the database cannot be read" in html
    assert 'data-reload="yes"' in html
    assert f'data-page="{path}"' in html
    assert "beltmark.js" in html


def test_pictures_are_on_the_page_when_they_are_there(fleet):
    base = "/api/v1/devices/belt-1/items/i3"
    assert f'src="{base}' not in show(fleet, "/devices/belt-1")
    assert fleet.device.put(f"{base}/crop", content=jpeg()).status_code == 204
    assert fleet.device.put(f"{base}/label", content=png()).status_code == 204
    for path in ("/", "/devices/belt-1", "/devices/belt-1/items/i3"):
        html = show(fleet, path)
        assert f'src="{base}/crop"' in html
        assert f'src="{base}/label"' in html


def test_a_sample_stands_in_the_grid_with_its_box_and_leads_to_its_item(fleet):
    assert "Items that a station left to a person appear here" in show(fleet, "/samples")
    upload = sample_upload(
        "i1", box_xyxy_px=[5, 6, 15, 26], candidates=[{"class_name": "tube", "probability": 0.52}]
    )
    assert fleet.device.post("/api/v1/devices/belt-1/samples", json=upload).status_code == 201
    html = show(fleet, "/samples")
    assert 'src="/api/v1/samples/belt-1/i1/image"' in html
    assert 'href="/devices/belt-1/items/i1"' in html
    assert '<rect x="5.0" y="6.0" width="10.0" height="20.0"/>' in html
    assert "tube" in html
    assert 'src="/api/v1/samples/belt-1/i1/image"' in show(fleet, "/devices/belt-1/items/i1")


def test_the_ranked_candidates_of_an_item_stand_on_its_page(fleet):
    candidates = [
        {"class_name": "tube", "probability": 0.52},
        {"class_name": "can", "probability": 0.31},
    ]
    item = item_body("i9", 99, outcome="REJECT", candidates=candidates, order_id="SO-1", lot="L7")
    telemetry = TelemetryStore(fleet.engine, fleet.clock)
    telemetry.take_batches([batch([record(4, "item", **item)], session=2)])
    page = read(show(fleet, "/devices/belt-1/items/i9"))
    assert "Rejected" in page.text
    assert "SO-1, lot L7" in page.text
    assert page.text.index("tube 52") < page.text.index("can 31")


def test_older_samples_are_a_page_that_stands_still(fleet):
    html = show(fleet, f"/samples?before={SENT_AT}")
    assert 'data-link="still"' in html
    assert "http-equiv" not in html
    assert fleet.admin.get("/samples?before=x").status_code == 422


def test_without_the_script_a_page_loads_itself_again_and_tells_times_as_they_were(fleet):
    html = show(fleet, "/devices/belt-1")
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in html
    page = read(html)
    assert " ago" not in page.text
    times = [attributes for tag, attributes in page.elements if tag == "time"]
    assert all({"datetime", "data-at", "data-form"} <= set(attributes) for attributes in times)


def test_a_release_is_pushed_with_a_form_and_taken_back(fleet):
    html = show(fleet, "/devices/belt-1")
    assert 'action="/devices/belt-1/push"' in html
    assert "Go back to" not in html
    for release in ("release-1", "release-2"):
        answer = fleet.admin.post("/devices/belt-1/push", data={"release": release})
        assert (answer.status_code, answer.headers["location"]) == (303, "/devices/belt-1")
    html = show(fleet, "/devices/belt-1")
    assert "asked for" in html
    assert "Go back to release-1…" in html
    assert fleet.admin.post("/devices/belt-1/back").status_code == 303
    assert fleet.fleet.desired("belt-1").release == "release-1"
    assert [entry.what for entry in fleet.fleet.log(1)] == ["asked belt-1 to go back to release-1"]


def test_a_release_is_pushed_to_all(fleet):
    assert fleet.admin.post("/releases/release-2/push").headers["location"] == "/releases"
    assert {one.release for one in fleet.fleet.all_desired()} == {"release-2"}
    assert len(fleet.fleet.all_desired()) == 2


BEGIN = {"release": "release-2", "waves": "belt-1,100%", "soak_min": "1", "min_items": "5"}


def test_a_rollout_is_begun_and_steered_with_forms(fleet):
    assert 'action="/rollouts/start"' in show(fleet, "/rollouts")
    answer = fleet.admin.post("/rollouts/start", data=BEGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/rollouts")
    store = RolloutStore(fleet.engine, SENT_AT, fleet.clock)
    store.look(1, 5, lambda _: True)
    html = show(fleet, "/rollouts")
    assert "begun" in html
    assert "by admin" in html
    assert 'action="/rollouts/start"' not in html  # one at a time
    assert fleet.fleet.desired("belt-1").release == "release-2"
    assert fleet.fleet.desired("belt-2") is None
    for act, status in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        assert f'action="/rollouts/1/{act}"' in show(fleet, "/rollouts")
        assert fleet.admin.post(f"/rollouts/1/{act}").status_code == 303
        assert store.one(1).state.status == status
    assert [entry.who for entry in fleet.fleet.log(4)] == [
        "admin", "admin", "admin", "rollout 1",
    ]  # fmt: skip
    assert store.one(1).state.count(("asked", "updating")) == 0


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/devices/belt-1/push", {}, 422),
        ("/rollouts/start", {}, 422),
        ("/rollouts/start", BEGIN | {"waves": "<b>"}, 422),
        ("/rollouts/start", BEGIN | {"waves": "belt-9"}, 422),
        ("/rollouts/start", BEGIN | {"soak_min": "long"}, 422),
        ("/rollouts/start", BEGIN | {"soak_min": "nan"}, 422),
        ("/rollouts/start", BEGIN | {"min_items": "-1"}, 422),
        ("/rollouts/start", BEGIN | {"release": "nothing"}, 422),
        ("/rollouts/7/pause", {}, 422),
        ("/rollouts/0/pause", {}, 422),
        ("/rollouts/1/dance", {}, 422),
        ("/devices/belt-1/push", {"release": "nothing"}, 422),
        ("/devices/belt-9/push", {"release": "release-1"}, 404),
        ("/devices/belt-1/back", {}, 422),
        ("/releases/nothing/push", {}, 422),
    ],
)
def test_what_cannot_be_asked_for_is_told_on_a_page(fleet, path, form, status):
    answer = fleet.admin.post(path, data=form, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert fleet.fleet.all_desired() == []


def test_a_form_of_another_site_asks_for_nothing(fleet):
    client = fleet.client()
    assert client.post("/sign-in", data={"token": fleet.admin_token}).status_code == 303
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}, {}):
        for path in (
            "/devices/belt-1/push", "/releases/release-1/push", "/devices/belt-1/back",
            "/rollouts/start",
        ):  # fmt: skip
            answer = client.post(path, data={"release": "release-1"}, headers=headers)
            assert answer.status_code == 403
    assert fleet.fleet.all_desired() == []
    same = {"Sec-Fetch-Site": "same-origin"}
    form = {"release": "release-1"}
    assert client.post("/devices/belt-1/push", data=form, headers=same).status_code == 303


@pytest.mark.parametrize(
    ("name", "kind"),
    [("beltmark.css", "text/css"), ("beltmark.js", "javascript"), ("mark.svg", "image/svg+xml")],
)
def test_everybody_may_have_the_dress_and_asks_whether_it_is_still_the_one(fleet, name, kind):
    answer = fleet.stranger.get(f"/static/{name}")
    assert answer.status_code == 200
    assert kind in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "no-cache"
    again = fleet.stranger.get(f"/static/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_pages_are_not_kept_by_browsers(fleet):
    assert fleet.admin.get("/").headers["cache-control"] == "no-store"
    assert "default-src 'self'" in fleet.admin.get("/").headers["content-security-policy"]


def test_small_pages_wear_the_same_dress(fleet):
    for answer in (
        fleet.stranger.get("/sign-in"),
        fleet.admin.get("/nothing", headers={"Accept": "text/html"}),
    ):
        assert 'class="plain"' in answer.text
        assert "/static/mark.svg" in answer.text
