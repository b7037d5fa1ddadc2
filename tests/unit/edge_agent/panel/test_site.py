"""The panel over HTTP: what it shows, what it takes, and whom it turns away."""

from dataclasses import replace
from pathlib import Path

import pytest
from panel_desk import WELL, MadeUpDesk, item
from starlette.testclient import TestClient

from edge_agent.panel.site import panel_site

HERE = "http://127.0.0.1:8080"


def client(desk: MadeUpDesk, pin: str | None = None) -> TestClient:
    return TestClient(panel_site(desk, pin), HERE, follow_redirects=False)


@pytest.fixture
def desk(tmp_path: Path) -> MadeUpDesk:
    return MadeUpDesk(folder=tmp_path, items=[item("a1")])


def test_the_page_shows_the_item_its_reason_and_what_it_may_be(desk: MadeUpDesk) -> None:
    page = client(desk).get("/").text

    assert "1 item waits for a person" in page
    assert "not sure enough" in page
    assert 'name="sku" value="CAN-1"' in page
    assert "Can, &lt;large&gt;" in page
    assert "<large>" not in page


@pytest.mark.parametrize(
    ("path", "fields", "asked"),
    [
        ("/items/a1/label", {"sku": "CAN-1"}, ("label", "a1", "CAN-1", "panel")),
        ("/items/a1/settle", {}, ("settle", "a1", "panel")),
        ("/taken", {}, ("taken", "panel")),
        ("/release/scan", {}, ("release", "scan")),
    ],
)
def test_a_form_does_what_it_says_and_comes_back(desk, path, fields, asked) -> None:
    answer = client(desk).post(path, data=fields, headers={"Origin": HERE})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert desk.asked == [asked]


def test_a_refusal_is_shown_with_its_mend(desk: MadeUpDesk) -> None:
    desk.refuses = "a label is on its way"

    answer = client(desk).post("/items/a1/label", data={"sku": "CAN-1"})

    assert answer.status_code == 409
    assert "a label is on its way: wait" in answer.text


def test_a_form_without_a_product_prints_nothing(desk: MadeUpDesk) -> None:
    assert client(desk).post("/items/a1/label").status_code == 409
    assert desk.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.example:8080"},
    ],
)
def test_another_page_in_the_same_browser_cannot_print(desk, headers) -> None:
    answer = client(desk).post("/items/a1/label", data={"sku": "CAN-1"}, headers=headers)

    assert answer.status_code in (403, 421)
    assert desk.asked == []


def test_who_does_not_know_the_pin_sees_and_does_nothing(desk: MadeUpDesk) -> None:
    site = client(desk, pin="4711")

    assert site.get("/").status_code == 401
    assert site.get("/", auth=("anybody", "4712")).status_code == 401
    assert site.post("/taken", auth=("anybody", "")).status_code == 401
    assert site.get("/", headers={"Authorization": "Basic %%%"}).status_code == 401
    assert desk.asked == []
    assert site.get("/", auth=("anybody", "4711")).status_code == 200


def test_a_picture_is_shown_and_no_other_file(desk: MadeUpDesk, tmp_path: Path) -> None:
    (tmp_path / "a1.jpg").write_bytes(b"\xff\xd8picture")
    (tmp_path.parent / "secret.jpg").write_bytes(b"secret")

    assert client(desk).get("/items/a1.jpg").content == b"\xff\xd8picture"
    assert client(desk).get("/items/b2.jpg").status_code == 404
    assert client(desk).get("/items/..%2Fsecret.jpg").status_code == 404


def test_a_form_too_large_is_refused(desk: MadeUpDesk) -> None:
    answer = client(desk).post("/items/a1/label", content=b"sku=" + b"x" * 10_000)

    assert answer.status_code == 413
    assert desk.asked == []


def test_a_journal_that_cannot_be_read_is_said_and_shows_nothing_as_fine(desk) -> None:
    desk.is_unreadable = True

    page = client(desk).get("/").text

    assert "the journal cannot be read" in page
    assert "The belt runs" not in page


def test_what_holds_the_line_asks_for_a_look_first(desk: MadeUpDesk) -> None:
    desk.standing = replace(WELL, in_hand="a1", to_release={"scan": "label of b2 missing"})

    page = client(desk).get("/").text

    assert "label of b2 missing" in page
    assert 'action="/release/scan"' in page
    assert 'action="/taken"' in page


def test_the_style_sheet_is_there(desk: MadeUpDesk) -> None:
    assert client(desk).get("/static/beltmark.css").status_code == 200
