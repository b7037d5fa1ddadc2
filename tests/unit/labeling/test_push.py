from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from studio_fake import FakeStudio

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from labeling.exporting import predicted_region
from labeling.looks import Looks
from labeling.making import BATCH, upload_groups
from labeling.push import Pushed, PushPlan, push
from labeling.samples import Seen, read_images
from labeling.views import Models


class Bright:
    """Sees a cup in everything; doubts by the first pixel."""

    def look(self, image_bgr: NDArray[np.uint8]) -> Seen:
        height, width = image_bgr.shape[:2]
        region = predicted_region("model-0", "cup", (1, 2, 3, 4), (width, height))
        prediction = {"model_version": "m 1", "score": 0.5, "result": [region]}
        return Seen(image_bgr[0, 0, 0] / 255, prediction)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(120):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((6, 8, 3), 2 * k, np.uint8))
    return folder


def run(studio: FakeStudio, folder: Path, budget: int = 500, **more: Any) -> Pushed:
    return push(studio, 1, read_images(folder), PushPlan(budget), **more)


def digests(studio: FakeStudio) -> list[str]:
    return [row["data"]["sha256"] for row in studio.rows.values()]


def test_images_become_tasks_once(folder: Path) -> None:
    studio = FakeStudio()
    assert run(studio, folder) == Pushed(0, 120, 0, [])
    assert run(studio, folder) == Pushed(120, 0, 0, [])
    assert sorted(digests(studio)) == sorted(sha256_of(p.read_bytes()) for p in folder.iterdir())
    row = next(
        r for r in studio.rows.values() if r["data"]["beltmark"]["image"]["file_name"] == "7.png"
    )
    assert studio.file(row["data"]["image"]) == (folder / "7.png").read_bytes()
    assert row["data"]["beltmark"]["image"]["width"] == 8


def test_the_budget_takes_the_most_doubtful_and_the_rest_waits(folder: Path) -> None:
    studio = FakeStudio()
    assert run(studio, folder, 10, eyes=Bright()) == Pushed(0, 10, 110, [])
    rows = list(studio.rows.values())
    assert [row["data"]["chosen"] for row in rows] == ["random"] * 2 + ["uncertain"] * 8
    assert min(row["data"]["uncertainty"] for row in rows[2:]) > 0.8
    assert {row["predictions"][0]["model_version"] for row in rows} == {"m 1"}
    assert run(studio, folder, 10, eyes=Bright()).made == 10
    assert len(set(digests(studio))) == 20


class Crowded(FakeStudio):
    """Somebody else does something right before the first tasks are made."""

    def __init__(self, meanwhile: Callable[[FakeStudio], object]) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[FakeStudio], object]] = [meanwhile]

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        while self.meanwhile:
            self.meanwhile.pop()(self)
        super().add_tasks(project, tasks)


def test_two_that_push_at_once_make_one_task_of_an_image(folder: Path) -> None:
    studio = Crowded(lambda studio: run(studio, folder, 45))
    run(studio, folder, 45)
    assert len(digests(studio)) == len(set(digests(studio)))
    assert len(digests(studio)) >= 45
    assert list(studio.rows)[:45] == list(range(1, 46))  # who came first stays


def test_what_somebody_answered_meanwhile_stays(folder: Path) -> None:
    class Annotated(Crowded):
        """Somebody answers the third of the later tasks as soon as it is there."""

        def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
            super().add_tasks(project, tasks)
            if len(self.rows) == 2 * 40:
                self.answer(43, [])

    studio = Annotated(lambda studio: run(studio, folder, 40))
    run(studio, folder, 40)
    assert 43 in studio.rows
    assert len(digests(studio)) == len(set(digests(studio))) == 40


@pytest.mark.parametrize("requests", range(8))
def test_a_push_that_broke_off_is_gone_on_with(folder: Path, requests: int) -> None:
    studio = FakeStudio()
    studio.requests_left = requests
    with pytest.raises(InputError, match="cannot be reached"):
        run(studio, folder)
    studio.requests_left = None
    pushed = run(studio, folder)
    assert pushed.there + pushed.made == 120
    assert len(set(digests(studio))) == len(studio.rows) == 120
    assert pushed.made > 120 - requests // 2 * BATCH - 1
    assert len(studio.files) == 120


def test_what_cannot_be_shown_is_told_and_left_out(folder: Path) -> None:
    for name in ("1.png", "2.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-20])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(folder / "turned.jpg", exif=exif)
    dataset = read_images(folder)
    (folder / "3.png").unlink()
    pushed = push(FakeStudio(), 1, dataset, PushPlan(500))
    assert pushed.made == 121 - len(pushed.problems)
    told = "\n".join(pushed.problems)
    assert "3.png: no such file" in told
    assert "turned.jpg: a flag in it says how to turn it" in told


def test_an_image_deleted_while_others_are_pushed_is_told(folder: Path) -> None:
    studio = FakeStudio()
    looked = 0

    def advance(_: int) -> None:
        nonlocal looked
        looked += 1
        if looked == 120:  # all were looked at, none is pushed
            (folder / "5.png").unlink()
            (folder / "6.png").write_bytes((folder / "7.png").read_bytes())

    pushed = run(studio, folder, advance=advance)
    assert pushed.made == len(studio.rows) == 118
    told = sorted(line.rpartition("/")[2] for line in pushed.problems)
    assert told[0].startswith("5.png: no such file")
    assert told[1].startswith("6.png: was changed meanwhile")
    assert len(set(digests(studio))) == 118


def test_two_images_of_one_name_stay_apart(tmp_path: Path) -> None:
    studio = FakeStudio()
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        cv2.imwrite(str(tmp_path / part / "x.png"), np.full((6, 8, 3), ord(part), np.uint8))
        run(studio, tmp_path / part)
    names = [row["data"]["beltmark"]["image"]["file_name"] for row in studio.rows.values()]
    assert names[0] == "x.png"
    assert names[1].endswith("/x.png")


def test_large_files_go_in_requests_of_bounded_size() -> None:
    files = {str(k): bytes(size) for k, size in enumerate([5, 4, 3, 20, 1, 1])}
    groups = list(upload_groups(files, limit=10))
    assert [list(group) for group in groups] == [["0", "1"], ["2"], ["3"], ["4", "5"]]
    assert list(upload_groups({})) == []


class Seeing:
    """Sees one box of a class in each image, unsure by nothing; counts how often it looks."""

    def __init__(self, class_of: Callable[[int], str]) -> None:
        self._class_of = class_of
        self.looked = 0

    def look(self, image_bgr: NDArray[np.uint8]) -> Seen:
        self.looked += 1
        height, width = image_bgr.shape[:2]
        first = int(image_bgr[0, 0, 0])
        region = predicted_region("model-0", self._class_of(first), (1, 2, 3, 4), (width, height))
        angle = first / 255
        vector = np.array([np.cos(angle), np.sin(angle)], np.float32)
        return Seen(0.1, {"model_version": "m", "result": [{**region, "score": 0.9}]}, vector)


def test_two_models_what_is_rare_and_what_is_new_decide_and_nobody_looks_twice(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "labelled" / "cup").mkdir(parents=True)
    for k in range(30):
        path = tmp_path / "labelled" / "cup" / f"{k}.png"
        cv2.imwrite(str(path), np.full((6, 8, 3), 2 * k, np.uint8) + np.uint8(k == 0))
    cv2.imwrite(str(folder / "other.png"), np.full((6, 8, 3), 101, np.uint8))
    champion = Seeing(lambda first: "tube" if first == 100 else "cup")
    challenger = Seeing(lambda first: "tube" if first == 101 else champion._class_of(first))

    def push_some(budget: int) -> list[str]:
        studio = FakeStudio()
        looks, others = Looks(tmp_path / "cache", "a"), Looks(tmp_path / "cache", "b")
        models = Models(champion, looks, challenger, others, read_dataset(tmp_path / "labelled"))
        plan = PushPlan(budget, random_share=0)
        assert push(studio, 1, read_images(folder), plan, eyes=models).made == budget
        looks.close()
        others.close()
        return [
            f"{row['data']['chosen']} {row['data']['beltmark']['image']['file_name']}"
            for row in studio.rows.values()
        ]

    # The models differ on one; of tubes none is labelled; the farthest from all that is.
    assert push_some(3) == ["disputed other.png", "rare 50.png", "novel 119.png"]
    looked = champion.looked, challenger.looked
    assert looked == (121 + 1, 121)  # all labelled images but one are images of the folder too
    assert push_some(3)[0] == "disputed other.png"
    assert (champion.looked, challenger.looked) == looked
