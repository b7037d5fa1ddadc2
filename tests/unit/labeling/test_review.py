from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from label_studio_tasks import region
from studio_bench import write_picture
from studio_fake import FakeStudio
from suspect_report import write_report

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.label_studio.words import numbered
from beltmark.datasets.opening import read_dataset
from labeling.adjudication import mark, settle_all
from labeling.importing import import_dataset
from labeling.review import Reviewed, Suspicion, read_suspicions, review
from labeling.settling import Rules

PEOPLE = {1: "mara@example.org", 2: "jan@example.org"}
SUSPECTED = [Suspicion("cup/4.png", "looks like tube"), Suspicion("cup/0.png", "looks like box")]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    for k in range(6):
        write_picture(tmp_path / "set" / ("cup", "tube")[k % 2] / f"{k}.png", k, 64, 48)
    return read_dataset(tmp_path / "set")


@pytest.fixture
def studio(dataset: Dataset) -> FakeStudio:
    studio = FakeStudio()
    import_dataset(studio, 1, dataset, "starred")
    for row in studio.rows.values():
        for work in row["annotations"]:
            work |= {"completed_by": 1, "created_at": row["updated_at"].isoformat()}
    return studio


def settled(studio: FakeStudio, **more: Any) -> Any:
    rules = Rules(Path("project"), numbered(["cup", "tube"]), PEOPLE, **more)
    found = settle_all(studio.rows.values(), rules)
    mark(studio, found)
    return found


def in_tab(studio: FakeStudio) -> list[str]:
    rows = [row["data"] for row in studio.rows.values() if row["data"].get("in_review") == "yes"]
    return [data["review_reason"] for data in sorted(rows, key=lambda data: data["review_rank"])]


def test_suspects_are_sent_back_and_settled_when_answered_anew(
    studio: FakeStudio, dataset: Dataset
) -> None:
    assert len(settled(studio).settled) == 6
    assert review(studio, 1, dataset, SUSPECTED) == Reviewed(marked=2)
    assert in_tab(studio) == ["looks like tube", "looks like box"]
    assert "Review" in studio.tabs
    # What was starred before counts no more.
    found = settled(studio)
    assert (len(found.settled), found.waiting) == (4, 2)
    assert in_tab(studio) == ["looks like tube", "looks like box"]

    number = next(k for k, row in studio.rows.items() if row["data"].get("review_rank") == "000001")
    studio.answer(number, [region(label="tube")], by=2)
    found = settled(studio)
    assert (len(found.settled), found.waiting) == (5, 1)
    anew = next(each for each in found.settled if each.id == number)
    assert anew.annotator == "jan@example.org"
    assert in_tab(studio) == ["looks like box"]
    assert len(settled(studio).settled) == 5  # and so it stays
    # The same report sends nothing back that was answered since.
    assert review(studio, 1, dataset, SUSPECTED) == Reviewed(there=2)
    assert in_tab(studio) == ["looks like box"]


def test_people_who_disagree_on_a_suspect_go_to_adjudication(
    studio: FakeStudio, dataset: Dataset
) -> None:
    review(studio, 1, dataset, SUSPECTED[:1])
    number = next(k for k, row in studio.rows.items() if row["data"].get("in_review"))
    studio.answer(number, [region(label="tube")], by=1)
    assert settled(studio, answers=2).waiting == 1
    studio.answer(number, [region(label="cup")], by=2)
    assert [each.id for each in settled(studio, answers=2).contested] == [number]
    assert in_tab(studio) == []
    assert studio.rows[number]["data"]["review"] == "annotators disagree"


def test_an_old_answer_that_is_corrected_counts_again(studio: FakeStudio, dataset: Dataset) -> None:
    review(studio, 1, dataset, SUSPECTED[:1])
    row = next(row for row in studio.rows.values() if row["data"].get("in_review"))
    assert settled(studio).waiting == 1
    (work,) = row["annotations"]
    work["updated_at"] = studio._tick().isoformat()
    assert settled(studio).waiting == 0


def test_suspects_that_are_no_tasks_become_some(dataset: Dataset) -> None:
    studio = FakeStudio()
    assert review(studio, 1, dataset, SUSPECTED) == Reviewed(made=2)
    assert review(studio, 1, dataset, SUSPECTED) == Reviewed(there=2)
    assert in_tab(studio) == ["looks like tube", "looks like box"]
    (answer,) = studio.rows[1]["annotations"]
    assert len(answer["result"]) == 1
    assert settled(studio).waiting == 2  # what they were said to be counts no more
    studio.answer(1, [region(label="tube")], by=2)
    (anew,) = settled(studio).settled
    assert anew.annotator == "jan@example.org"


@pytest.mark.parametrize("requests", range(7))
def test_a_review_that_broke_off_is_gone_on_with(dataset: Dataset, requests: int) -> None:
    studio = FakeStudio()
    import_dataset(studio, 1, dataset, "annotations")
    for number in (5, 6):
        del studio.rows[number]
    suspected = [Suspicion(f"{('cup', 'tube')[k % 2]}/{k}.png", "odd") for k in range(6)]
    studio.requests_left = requests
    with pytest.raises(InputError, match="cannot be reached"):
        review(studio, 1, dataset, suspected)
    studio.requests_left = None
    done = review(studio, 1, dataset, suspected)
    assert done.marked + done.there + done.made == 6
    assert len(in_tab(studio)) == len(studio.rows) == 6
    assert all(row["data"]["review_after"] != "not yet" for row in studio.rows.values())
    assert settled(studio).waiting == 6


def test_a_report_is_read_in_its_order(tmp_path: Path, dataset: Dataset) -> None:
    wrong = {"cup/2.png": "looks like tube", "cup/0.png": "looks like box"}
    path = write_report(tmp_path / "report.json", dataset, wrong, "wrong-class")
    found = read_suspicions(path)
    assert found.images == tuple(Suspicion(name, told) for name, told in wrong.items())
    assert (found.dataset, found.sha256) == (dataset.path, dataset.sha256)
    with pytest.raises(InputError, match="suspects nothing"):
        read_suspicions(path, ("box-tiny",))
    write_report(path, dataset, {"cup/2.png": "7 spreads"}, "outlier")
    assert read_suspicions(path).images == (Suspicion("cup/2.png", "outlier: 7 spreads"),)
    path.write_text("[]")
    with pytest.raises(InputError, match="is no report of a check"):
        read_suspicions(path)


def test_images_that_are_gone_or_unknown_are_told(dataset: Dataset) -> None:
    (dataset.path / "cup" / "0.png").unlink()
    done = review(FakeStudio(), 1, dataset, [*SUSPECTED, Suspicion("cup/99.png", "odd")])
    assert done.made == 1
    assert "0.png: no such file" in done.problems[0]
    assert "cup/99.png: is no image of the dataset" in done.problems[1]


def test_a_task_that_nobody_answered_shows_the_boxes_that_are_suspected(
    studio: FakeStudio, dataset: Dataset
) -> None:
    for row in studio.rows.values():
        row["annotations"].clear()
    answer = studio.answer(1, [], was_cancelled=True)
    for requests in range(3, 12):  # broken off anywhere
        studio.requests_left = requests
        with suppress(InputError):
            review(studio, 1, dataset, SUSPECTED)
    studio.requests_left = None

    review(studio, 1, dataset, SUSPECTED)

    sent = [row for row in studio.rows.values() if row["data"].get("in_review") == "yes"]
    assert len(sent) == 2
    for row in sent:
        (shown,) = [work for work in row["annotations"] if work is not answer]
        (box,) = shown["result"]
        assert box["value"]["rectanglelabels"] == ["cup"]
    assert not settled(studio).settled, "nobody has answered yet"
    studio.answer(sent[0]["id"], [region(label="tube")], by=2)
    assert [each.id for each in settled(studio).settled] == [sent[0]["id"]]
