"""A guided session: what is kept, what is refused and why, and what may be kept all the same."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from collected import NOON, Picture, blurred, collection_at, scene
from starlette.testclient import TestClient

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.opening import read_dataset
from labeling.collecting.collection import Collection
from labeling.collecting.desk import Desk
from labeling.collecting.page import collect_site
from labeling.collecting.standing import CHECKS, ClassCount, DeskPlan
from labeling.collecting.station import View

HERE = "http://127.0.0.1:8090"
HOSTILE = "cup <b>&\"'"
PLAN = DeskPlan("line-1", (HOSTILE, "tube"), 20, 30, (0, 0, 160, 120))


class Shown:
    """A zone that shows what a test lays into it."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._view: View | None = None

    @property
    def latest(self) -> View | None:
        return None if self.problem else self._view

    def lay(self, picture: Picture) -> None:
        number = self._view.number + 1 if self._view else 0
        self._view = View(picture, number, NOON.timestamp() + number)


class Bench:
    """A desk over a folder, and its page."""

    def __init__(self, collection: Collection) -> None:
        self.collection, self.zone, self.now = collection, Shown(), NOON
        self.desk = Desk(collection, self.zone, PLAN, lambda: self.now)

    def page(self, pin: str | None = None) -> TestClient:
        return TestClient(collect_site(self.desk, self.zone, pin), HERE, follow_redirects=False)

    def take(self, seed: int, class_name: str | None = "tube") -> str:
        self.zone.lay(scene(seed))
        self.desk.capture(class_name)
        return self.told

    @property
    def told(self) -> str:
        told = self.desk.standing().told
        return told.text if told else ""

    @property
    def dataset(self) -> Dataset:
        return read_dataset(self.collection.folder)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with collection_at(tmp_path / "c") as collection:
        yield Bench(collection)


def test_a_picture_is_kept_with_its_class_its_session_and_its_time(bench: Bench) -> None:
    bench.desk.begin(["lighting"], "  LED   bar ")

    assert bench.take(1) == "Kept: tube."
    assert bench.take(2, None) == "Kept: empty zone."

    image, empty = bench.dataset.images
    assert bench.dataset.class_names[image.class_index or 0] == "tube"
    assert image.attributes == {
        "session": "20261130-120000-line-1",
        "station": "line-1",
        "light": "LED bar",
        "captured_at": "2026-11-30T12:00:00+00:00",
    }
    assert (empty.class_index, empty.ignore_xyxy_px) == (None, ())
    (record,) = bench.collection.records
    assert record.checked == {name: name == "lighting" for name in CHECKS}
    assert record.delete_after.isoformat() == "2026-12-30"


def test_counts_are_of_the_session_and_of_all(bench: Bench) -> None:
    bench.desk.begin([])
    bench.take(1)
    bench.desk.end()
    bench.now += timedelta(minutes=1)
    bench.desk.begin([])
    bench.take(2)
    bench.take(3, None)

    assert list(bench.desk.standing().counts) == [
        ClassCount(HOSTILE, 0, 0, 20),
        ClassCount("tube", 1, 2, 20),
        ClassCount(None, 1, 1, 20),
    ]
    assert len({image.scene for image in bench.dataset.images}) == 2


def test_the_same_picture_and_a_blurred_one_are_refused_and_can_be_kept(bench: Bench) -> None:
    bench.desk.begin([])
    bench.take(1)

    assert bench.take(1) == "Not kept: it is nearly the same as picture 1, tube."
    bench.zone.lay(blurred(scene(2)))
    bench.desk.capture("tube")
    assert bench.told == "Not kept: it is blurred."
    assert bench.desk.standing().left_out == 2
    assert len(bench.dataset.images) == 1

    bench.zone.lay(scene(5))
    bench.desk.keep_anyway()

    assert bench.desk.standing().left_out == 1
    assert len(bench.dataset.images) == 2
    with pytest.raises(InputError, match="nothing was refused"):
        bench.desk.keep_anyway()


def test_what_is_wrong_is_told_before_anybody_presses(bench: Bench) -> None:
    bench.desk.begin([])
    bench.take(1)
    bench.zone.lay(scene(2))
    assert not bench.desk.standing().hints

    bench.zone.lay(scene(1))
    assert bench.desk.standing().hints == ("it is nearly the same as picture 1, tube",)
    bench.zone.lay(scene(2) // 12)
    assert any("dark" in hint for hint in bench.desk.standing().hints)


def test_a_picture_is_taken_back_and_can_be_taken_again(bench: Bench) -> None:
    bench.desk.begin([])
    bench.take(1)
    bench.take(2)

    bench.desk.take_back()

    assert len(bench.dataset.images) == 1
    assert len([*bench.collection.folder.rglob("*.jpg")]) == 1
    assert bench.take(2) == "Kept: tube."
    assert bench.take(1).startswith("Not kept: it is nearly the same as picture 1")


def test_without_a_picture_nothing_is_kept_and_the_reason_is_told(bench: Bench) -> None:
    bench.desk.begin([])
    with pytest.raises(InputError, match="no picture yet"):
        bench.desk.capture("tube")
    bench.zone.lay(scene(1))
    bench.zone.problem = "the camera is down: it sends nothing"

    with pytest.raises(InputError, match="the camera is down"):
        bench.desk.capture("tube")
    assert bench.desk.standing().problem == bench.zone.problem


def test_a_session_without_pictures_leaves_nothing(bench: Bench) -> None:
    bench.desk.begin([])
    bench.desk.end()

    assert not bench.collection.records
    assert not [*(bench.collection.folder / "sessions").iterdir()]


def test_two_sessions_within_a_second_have_two_names(bench: Bench) -> None:
    for seed in range(3):
        bench.desk.begin([])
        bench.take(seed)
        bench.desk.end()

    assert sorted(bench.collection.names) == [
        "20261130-120000-line-1", "20261130-120000-line-1-2", "20261130-120000-line-1-3",
    ]  # fmt: skip


def test_the_page_has_the_checklist_then_a_button_for_each_class(bench: Bench) -> None:
    bench.zone.lay(scene(1))
    page = bench.page()
    assert all(asked in page.get("/").text for asked in CHECKS.values())

    answer = page.post("/begin", data={"lighting": "yes", "light": "<script>"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    html = page.get("/").text
    assert 'value="cup &lt;b&gt;&amp;&#34;&#39;"' in html
    assert "<b>" not in html
    assert "Not seen to: The belt in the zone" in html
    assert "http" not in html.replace("http-equiv", ""), "nothing of another host"
    assert bench.collection.records[0].light == "<script>"


def test_a_button_keeps_a_picture_and_the_answer_is_the_page_s_news(bench: Bench) -> None:
    bench.desk.begin([])
    bench.zone.lay(scene(1))
    asked = {"Accept": "application/json", "Origin": HERE}

    news = bench.page().post("/capture", data={"class": HOSTILE}, headers=asked).json()

    assert "Kept: cup &lt;b&gt;" in news["fragments"]["told"]
    assert "1 of 20 · 1 now" in news["fragments"]["classes"]
    (image,) = bench.dataset.images
    assert bench.page().get(f"/pictures/{image.path.name}").content == image.path.read_bytes()


@pytest.mark.parametrize("fields", [{}, {"class": "no such"}, {"empty": "no"}])
def test_a_form_that_names_no_class_keeps_nothing(bench: Bench, fields: dict[str, str]) -> None:
    bench.desk.begin([])
    bench.zone.lay(scene(1))

    answer = bench.page().post("/capture", data=fields)

    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert not bench.collection.records[0].images


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_form_of_another_page_does_nothing(bench: Bench, headers: dict[str, str]) -> None:
    assert bench.page().post("/begin", headers=headers).status_code == 403
    assert not bench.collection.records


def test_who_does_not_know_the_pin_sees_and_does_nothing(bench: Bench) -> None:
    bench.zone.lay(scene(1))
    page = bench.page("secret")

    for path in ("/", "/zone.mjpg", "/events", "/pictures/000001.jpg"):
        assert page.get(path).status_code == 401
        assert page.get(path, auth=("me", "wrong")).status_code == 401
    assert page.post("/begin").status_code == 401
    assert page.get("/", auth=("me", "secret")).status_code == 200


@pytest.mark.parametrize("name", ["..%2F..%2Fannotations.json", "session.json", "000009.jpg"])
def test_no_other_file_is_shown(bench: Bench, name: str) -> None:
    bench.desk.begin([])
    bench.take(1)

    assert bench.page().get(f"/pictures/{name}").status_code == 404


def test_a_full_disk_is_told_on_the_page_and_the_session_goes_on(bench: Bench) -> None:
    bench.desk.begin([])
    bench.take(1)
    folder = bench.collection.folder_of(bench.collection.records[0].session_id)
    folder.rename(folder.with_name("away"))
    folder.write_text("a file in the way, as good as a full disk")
    bench.zone.lay(scene(2))

    answer = bench.page().post("/capture", data={"class": "tube"})

    assert answer.status_code == 409
    assert "nothing was kept" in answer.text
    folder.unlink()
    folder.with_name("away").rename(folder)
    bench.desk.capture("tube")
    assert len(json.loads((folder / "session.json").read_text())["images"]) == 2
