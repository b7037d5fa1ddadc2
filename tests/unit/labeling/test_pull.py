import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from label_studio_tasks import region
from studio_fake import FakeStudio

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import numbered
from labeling.adjudication import mark, settle_all
from labeling.kept import Kept
from labeling.projects import DISAGREEMENT, PAGE, REVIEW_FIELD
from labeling.pull import pull
from labeling.settling import Rules

PEOPLE = {1: "mara@example.org", 2: "jan@example.org"}


@pytest.fixture
def studio() -> FakeStudio:
    studio = FakeStudio()
    studio.add_tasks(1, [task(k) for k in range(2 * PAGE + 10)])
    return studio


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path / "work" / "tasks.sqlite", "1")
    yield kept
    kept.close()


def task(k: int) -> dict[str, Any]:
    image = {"file_name": f"{k}.png", "width": 64, "height": 48}
    return {"data": {"image": f"/data/upload/{k}.png", "beltmark": {"image": image}}}


def rules(**more: Any) -> Rules:
    return Rules(Path("project"), numbered(["cup", "tube"]), PEOPLE, **more)


def test_only_what_changed_is_fetched_again(studio: FakeStudio, kept: Kept) -> None:
    assert pull(studio, 1, kept).changed == 2 * PAGE + 10
    studio.answer(5, [region()])
    # The latest few are looked at again, as their changes may have been seen late: no change.
    assert pull(studio, 1, kept).changed == 1
    rows = {row["id"]: row for row in kept.rows()}
    assert len(rows) == 2 * PAGE + 10
    assert len(rows[5]["annotations"]) == 1


@pytest.mark.parametrize("requests", range(1, 6))
def test_a_pull_that_broke_off_is_gone_on_with(
    studio: FakeStudio, tmp_path: Path, requests: int
) -> None:
    path = tmp_path / "tasks.sqlite"
    studio.requests_left = requests
    first = Kept(path, "1")
    with pytest.raises(InputError, match="cannot be reached"):
        pull(studio, 1, first)
    before = first.count()
    first.close()
    studio.requests_left = None
    studio.answer(2, [region()])  # meanwhile, behind where it stopped
    second = Kept(path, "1")
    changed = pull(studio, 1, second).changed
    assert changed + before <= 2 * PAGE + 15  # the latest few are looked at again
    pull(studio, 1, second)
    rows = {row["id"]: row for row in second.rows()}
    assert len(rows) == 2 * PAGE + 10
    assert len(rows[2]["annotations"]) == 1
    second.close()


def test_tasks_that_are_gone_are_forgotten(studio: FakeStudio, kept: Kept) -> None:
    pull(studio, 1, kept)
    del studio.rows[7], studio.rows[300]
    assert pull(studio, 1, kept).gone == 2
    assert 7 not in {row["id"] for row in kept.rows()}


def test_a_folder_of_another_project_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    Kept(tmp_path / "tasks.sqlite", "1 2026").close()
    with pytest.raises(InputError, match="is of another project"):
        Kept(tmp_path / "tasks.sqlite", "2 2026")
    (tmp_path / "no.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(InputError, match="cannot be used"):
        Kept(tmp_path / "no.sqlite", "1")


def test_a_file_that_cannot_be_written_is_told(studio: FakeStudio, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "tasks.sqlite", "1", patience_s=0)
    other = sqlite3.connect(tmp_path / "tasks.sqlite", isolation_level=None, timeout=0)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="cannot be used: database is locked"):
        pull(studio, 1, kept)
    other.execute("ROLLBACK")
    assert pull(studio, 1, kept).changed == 2 * PAGE + 10
    kept.close()


def test_what_a_pull_marks_itself_is_no_change(studio: FakeStudio, kept: Kept) -> None:
    studio.answer(5, [region()])
    studio.answer(5, [], by=2)
    pull(studio, 1, kept)
    settlement = settle_all(kept.rows(), rules(answers=2))
    mark(studio, settlement)
    assert [each.id for each in settlement.contested] == [5]

    assert pull(studio, 1, kept).changed == 0
    assert {row["id"]: row for row in kept.rows()}[5]["data"][REVIEW_FIELD] == DISAGREEMENT


def settled_of(studio: FakeStudio, **more: Any) -> Any:
    return settle_all(studio.rows.values(), rules(**more))


def test_one_answer_settles_where_one_is_enough() -> None:
    studio = FakeStudio()
    studio.add_tasks(1, [task(k) for k in range(3)])
    studio.answer(1, [region()])
    studio.answer(2, [region()], was_cancelled=True)
    found = settled_of(studio)
    assert [each.id for each in found.settled] == [1]
    assert found.settled[0].annotator == "mara@example.org"
    assert found.waiting == 2
    assert settled_of(studio, answers=2).waiting == 3


def test_the_latest_answer_of_a_person_counts() -> None:
    studio = FakeStudio()
    studio.add_tasks(1, [task(0)])
    studio.answer(1, [region(label="tube")], by=1)
    studio.answer(1, [region()], by=2)
    studio.answer(1, [region()], by=1)
    found = settled_of(studio)
    assert [each.agreed_by for each in found.settled] == [("mara@example.org",)]


def test_the_queue_fills_is_marked_once_and_empties() -> None:
    studio = FakeStudio()
    studio.add_tasks(1, [task(k) for k in range(2)])
    for k in (1, 2):
        studio.answer(k, [region()], by=1)
        studio.answer(k, [region(label="tube")], by=2)
    found = settled_of(studio)
    assert [each.id for each in found.contested] == [1, 2]
    mark(studio, found)
    assert studio.rows[1]["data"][REVIEW_FIELD] == DISAGREEMENT
    assert settled_of(studio).marks == {}
    studio.answer(1, [region()], by=2)  # corrected
    studio.rows[2]["annotations"][1]["ground_truth"] = True  # starred
    found = settled_of(studio)
    assert [(each.id, each.annotator) for each in found.settled] == [
        (1, "mara@example.org"), (2, "jan@example.org"),
    ]  # fmt: skip
    mark(studio, found)
    assert REVIEW_FIELD not in studio.rows[1]["data"] | studio.rows[2]["data"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rotation": 12.5}, "turned by 12.5 degrees"),
        ({"label": "bottle"}, "or add the class with `beltmark-label project`)"),
        ({"label": None}, "needs one label"),
        ({"width": 0}, "has no area"),
        ({"x": 95}, "leaves its image"),
        ({"type": "polygonlabels"}, "is no box"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_and_costs_no_other(
    changes: dict[str, Any], told: str
) -> None:
    studio = FakeStudio()
    studio.add_tasks(1, [task(k) for k in range(3)])
    studio.answer(1, [region()])
    studio.answer(2, [region(**changes)])
    studio.answer(3, [region()])
    found = settled_of(studio)
    assert [each.id for each in found.settled] == [1, 3]
    (unusable,) = found.unusable
    assert told in unusable.problems[0]
    assert "task 2, region r1" in unusable.problems[0]


def test_a_starred_answer_settles_whatever_the_others_are() -> None:
    studio = FakeStudio()
    studio.add_tasks(1, [task(0)])
    studio.answer(1, [region(rotation=45)], by=1)
    studio.answer(1, [region()], by=2, ground_truth=True)
    found = settled_of(studio, answers=3)
    assert [(each.annotator, each.agreed_by) for each in found.settled] == [
        ("jan@example.org", ()),
    ]  # fmt: skip
    studio.rows[1]["annotations"][0]["ground_truth"] = True  # a turned box is none, starred or not
    assert settled_of(studio).unusable == []
    studio.rows[1]["annotations"].pop()
    assert len(settled_of(studio).unusable) == 1
