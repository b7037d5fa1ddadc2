import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_tasks import region
from studio_bench import write_picture
from studio_fake import FakeStudio

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledObject
from beltmark.datasets.label_studio.words import numbered
from labeling.adjudication import settle_all
from labeling.agreement import Judged
from labeling.gold import (
    Accuracy,
    GoldBox,
    GoldImage,
    mixed,
    read_register,
    register_of,
    told,
    truth_of,
)
from labeling.gold_registers import known_gold, read_gold
from labeling.kept import Kept
from labeling.pull import pull
from labeling.push import Gold, PushPlan, push
from labeling.samples import read_images
from labeling.settling import Rules

DIGEST = "0" * 64
LEFT, RIGHT = (10.0, 10.0, 30.0, 30.0), (60.0, 60.0, 30.0, 30.0)
PEOPLE = {1: "mara@example.org", 2: "jan@example.org"}


def truth(*boxes: tuple[str, tuple[float, float, float, float]], **more: Any) -> GoldImage:
    told = tuple(GoldBox(class_name=name, box_xywh_percent=box) for name, box in boxes)
    return GoldImage(sha256=DIGEST, boxes=told, **more)


def measured(there: GoldImage, *answer: Judged) -> tuple[int, int, int, int]:
    accuracy = Accuracy()
    accuracy.add(there, answer, 0.5)
    return accuracy.truth, accuracy.drawn, accuracy.found, accuracy.right


def test_boxes_are_found_whatever_their_class() -> None:
    there = truth(("cup", LEFT), ("tube", RIGHT))
    assert measured(there, Judged("cup", LEFT), Judged("cup", RIGHT)) == (2, 2, 2, 1)
    assert measured(there, Judged("cup", LEFT)) == (2, 1, 1, 1)
    assert measured(there, Judged("cup", LEFT), Judged("cup", (10.0, 60.0, 9.0, 9.0))) == (
        2, 2, 1, 1,
    )  # fmt: skip
    assert measured(truth()) == (0, 0, 0, 0)


def test_what_nobody_judges_is_neither_right_nor_wrong() -> None:
    there = truth(("cup", LEFT), ignored_xywh_percent=((55.0, 55.0, 45.0, 45.0), LEFT))
    # A box of what is there counts even where others are passed over.
    assert measured(there, Judged("cup", LEFT), Judged("tube", RIGHT)) == (1, 1, 1, 1)
    assert measured(there, Judged("unsure", RIGHT)) == (1, 0, 0, 0)
    assert measured(there, Judged("tube", (40.0, 0.0, 9.0, 9.0))) == (1, 1, 0, 0)


def test_what_is_told_has_counts_and_intervals() -> None:
    accuracy = Accuracy(images=10, truth=40, drawn=30, found=30, right=27, iou_sum=27.0)
    ((person, words),) = told({"mara": accuracy})
    assert person == "mara"
    # Wilson's interval of 30 of 40, by the formula: 0.598 to 0.858.
    assert "10 gold images: recall 0.750 (0.598-0.858, 30 of 40)" in words
    assert "precision 1.000 (0.886-1.000, 30 of 30)" in words
    assert "class right 0.900" in words
    assert words.endswith("mean IoU 0.900")
    assert "recall of none" in told({"jan": Accuracy(images=1)})[0][1]


@given(st.lists(st.integers(0, 99), max_size=30), st.integers(0, 20), st.integers(0, 5))
def test_mixing_keeps_the_order_of_what_is_ranked(ranked: list[int], more: int, seed: int) -> None:
    spread = list(range(100, 100 + more))
    found = mixed(ranked, spread, seed)
    assert [each for each in found if each < 100] == ranked
    assert sorted(each for each in found if each >= 100) == spread
    assert found == mixed(ranked, spread, seed)


def test_a_register_comes_back_and_a_damaged_one_is_told() -> None:
    images = [truth(("cup", (1 / 3, 0.1, 33.3, 12.5)), ignored_xywh_percent=(LEFT,))]
    name, content = register_of(images)
    assert read_register(content, Path(name)) == images
    with pytest.raises(InputError, match="register of gold tasks"):
        read_register(content[:-3], Path(name))


@pytest.fixture
def pushed(tmp_path: Path) -> tuple[FakeStudio, Dataset]:
    """A hundred images, ten of forty known ones among them."""
    for k in range(100):
        write_picture(tmp_path / "images" / f"{k}.png", k, 8, 6)
    for k in range(40):
        write_picture(tmp_path / "gold" / f"{k}.png", 1000 + k, 8, 6)
    write_picture(tmp_path / "images" / "known.png", 1000, 8, 6)
    plain = read_images(tmp_path / "gold")
    images = tuple(
        replace(image, objects=(LabelledObject(0, (2, 1.5, 6, 4.5)),), attributes={"source": "s"})
        for image in plain.images
    )
    gold = replace(plain, class_names=("cup",), images=images)
    studio = FakeStudio()
    done = push(studio, 1, read_images(tmp_path / "images"), PushPlan(500), gold=Gold(gold, 0.1))
    assert (done.made, done.gold, done.known) == (110, 10, 1)
    return studio, gold


def golden_rows(studio: FakeStudio) -> list[dict[str, Any]]:
    gold = read_gold(studio, 1)
    return [row for row in studio.rows.values() if row["data"]["sha256"] in gold]


def test_gold_looks_like_all_others(pushed: tuple[FakeStudio, Dataset]) -> None:
    studio, _ = pushed
    golden = golden_rows(studio)
    assert len(golden) == 10
    shapes = {
        (tuple(row["data"]), row["data"]["chosen"], tuple(row["data"]["beltmark"]["image"]))
        for row in studio.rows.values()
    }
    assert len(shapes) == 1
    assert "gold" not in str(golden)
    # Anywhere among the others, not in a row.
    numbers = [row["id"] for row in golden]
    assert max(numbers) - min(numbers) > 30


def test_gold_is_known_before_it_is_a_task(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("gold", 2)):
        write_picture(tmp_path / name / "x.png", seed, 8, 6)
    plain = read_images(tmp_path / "gold")
    for requests in range(10):
        studio = FakeStudio()
        studio.requests_left = requests
        with contextlib.suppress(InputError):
            push(studio, 1, read_images(tmp_path / "a"), PushPlan(9), gold=Gold(plain, 1.0))
        studio.requests_left = None
        digest = sha256_of((tmp_path / "gold" / "x.png").read_bytes())
        is_task = digest in {row["data"]["sha256"] for row in studio.rows.values()}
        assert not is_task or digest in read_gold(studio, 1)
    assert is_task


def test_answers_to_gold_are_measured_and_settle_nothing(
    pushed: tuple[FakeStudio, Dataset],
) -> None:
    studio, _ = pushed
    golden = golden_rows(studio)
    right = region(x=25, y=25, width=50, height=50)
    for k, row in enumerate(golden):
        studio.answer(row["id"], [right], by=1)
        studio.answer(row["id"], [] if k else [{**right, "value": {"x": 0}}], by=2)
    plain = next(row["id"] for row in studio.rows.values() if row not in golden)
    studio.answer(plain, [{**right, "original_width": 8, "original_height": 6}])
    rules = Rules(Path("project"), numbered(["cup"]), PEOPLE)
    found = settle_all(studio.rows.values(), rules, read_gold(studio, 1))
    assert [each.id for each in found.settled] == [plain]
    assert found.waiting == 99
    assert found.contested == []
    assert found.tally.images == {}
    mara, jan = found.accuracy["mara@example.org"], found.accuracy["jan@example.org"]
    assert (mara.images, mara.truth, mara.found, mara.right) == (10, 10, 10, 10)
    assert mara.mean_iou == pytest.approx(1)
    assert (jan.images, jan.found) == (9, 0)
    assert [each.id for each in found.unusable] == [golden[0]["id"]]


def test_a_pull_lists_uploads_only_where_there_are_new_tasks(
    pushed: tuple[FakeStudio, Dataset], tmp_path: Path
) -> None:
    studio, _ = pushed
    kept = Kept(tmp_path / "tasks.sqlite", "1")
    pull(studio, 1, kept)
    gold = known_gold(studio, 1, kept)
    assert len(gold) == 10
    assert gold == read_gold(studio, 1)
    studio.requests_left = 0
    assert known_gold(studio, 1, kept) == gold
    studio.requests_left = None
    name, content = register_of([truth(("cup", LEFT))])
    studio.upload(1, {name: content})
    studio.add_tasks(1, [{"data": {"sha256": DIGEST}}])
    pull(studio, 1, kept)
    assert len(known_gold(studio, 1, kept)) == 11
    kept.close()


def test_a_register_that_is_gone_stops_the_pull(pushed: tuple[FakeStudio, Dataset]) -> None:
    studio, _ = pushed
    (name,) = [name for name in studio.files if name.startswith("gold-")]

    class Lost(FakeStudio):
        def file(self, address: str) -> bytes | None:
            return None if name in address else super().file(address)

    lost = Lost()
    lost.files = studio.files
    with pytest.raises(InputError, match="register of gold tasks is gone"):
        read_gold(lost, 1)


def test_the_truth_of_an_image_is_in_percent(pushed: tuple[FakeStudio, Dataset]) -> None:
    _, gold = pushed
    (box,) = truth_of(gold.images[0], DIGEST, gold).boxes
    assert (box.class_name, box.box_xywh_percent) == ("cup", (25, 25, 50, 50))
    whole = replace(gold.images[0], objects=(), class_index=0)
    (box,) = truth_of(whole, DIGEST, gold).boxes
    assert box.box_xywh_percent == (0, 0, 100, 100)
