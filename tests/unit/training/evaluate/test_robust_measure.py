"""Robustness of a model that finds blobs: kept, taken up again, and told in words."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import pytest
from blob_station import GREEN, HEIGHT_PX, RED, WIDTH_PX, picture
from evaluated import Shot, context_of
from item_belt import blob_release

from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage
from beltmark.datasets.dataset import LabelledImage, LabelledObject
from training.evaluate.as_a_station import robustness
from training.evaluate.context import LeftOut
from training.evaluate.matching import truth_of
from training.evaluate.robust_corruptions import CORRUPTIONS, STRENGTHS
from training.evaluate.robust_measure import STEPS, Robustness, Score, measure, sample
from training.evaluate.robust_section import robustness_section

pytestmark = pytest.mark.xdist_group("blob_items")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return blob_release(tmp_path_factory.mktemp("blob")).package


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    folder = tmp_path_factory.mktemp("images")
    made = []
    for number, colour in enumerate((RED, GREEN)):
        path, x_px = folder / f"{number}.png", 60 + 30 * number
        cv2.imwrite(str(path), picture(x_px, colour, number))
        box = (float(x_px - 20), 60.0, float(x_px + 20), 100.0)
        thing = LabelledObject(int(colour == GREEN), box)
        made.append(LabelledImage(path, WIDTH_PX, HEIGHT_PX, "1", "1", (), (thing,)))
    return made


def test_what_was_measured_is_kept_and_taken_up_again(
    package: ModelPackage, images: list[LabelledImage], tmp_path: Path
) -> None:
    class StoppedError(Exception):
        pass

    def stop_at(number: int) -> "list[str]":
        steps: list[str] = []

        def on_step(name: str) -> None:
            steps.append(name)
            if len(steps) == number:
                raise StoppedError

        try:
            measure(package, images, kept=tmp_path, on_step=on_step)
        except StoppedError:
            return steps
        raise AssertionError("was to be stopped")

    assert len(stop_at(9)) == 9
    (notes,) = tmp_path.iterdir()
    kept = json.loads(notes.read_text())
    assert len(kept) == 9
    notes.write_text(json.dumps(kept | {"clean": [0.123, 0.5]}))
    steps: list[str] = []
    again = measure(package, images, kept=tmp_path, on_step=steps.append)
    assert len(steps) == STEPS
    assert again.clean == Score(0.123, 0.5), "was not measured anew"
    notes.write_text("{ damaged")
    anew = measure(package, images, kept=tmp_path)
    assert anew.clean == Score(pytest.approx(1.0), 1.0)
    assert anew.scores == again.scores
    assert anew.scores["noise"][0].ap50 == pytest.approx(1.0)
    assert anew.mean_merit < 1


def test_the_sample_is_bounded_and_the_same_for_a_seed(
    package: ModelPackage, images: list[LabelledImage]
) -> None:
    many = images * 20
    assert sample(many, 10, 1) == sample(many, 10, 1)
    assert len(sample(many, 10, 1)) == 10
    assert sample(images, 10, 1) == images
    without = [LabelledImage(images[0].path, 9, 9, "1", "1", (), ())]
    with pytest.raises(InputError, match="no image has a box"):
        measure(package, without)


def test_pictures_of_a_class_as_a_whole_are_judged_by_their_surest_detection(
    package: ModelPackage, images: list[LabelledImage]
) -> None:
    whole = [
        replace(image, objects=(), class_index=image.objects[0].class_index) for image in images
    ]
    measured = measure(package, whole)
    assert measured.clean == Score(None, 1.0)
    assert (measured.images, measured.objects) == (2, 2)
    assert measured.mean_top1 < 1.0
    told = robustness_section(measured)
    assert "of its top-1" in " ".join(told.told)
    assert "AP50" not in str(told)
    assert told.numbers["clean_top1"] == 1.0
    assert told.numbers["relative_top1"] == pytest.approx(measured.mean_top1)
    wrong = [replace(image, class_index=1 - (image.class_index or 0)) for image in whole]
    assert measure(package, wrong).clean.top1 == 0.0


def test_a_classifier_asked_about_boxes_alone_ends_no_evaluation() -> None:
    context = context_of([Shot([("cup", (10, 10, 40, 40))])])
    truths = [truth_of(image, task="classify") for image in context.evaluation.images]
    asked = replace(context, evaluation=replace(context.evaluation, truths=truths))
    assert isinstance(robustness(asked), LeftOut)


def test_what_breaks_it_first_is_told_in_words() -> None:
    scores = {c.name: tuple(Score(0.8, 0.9) for _ in STRENGTHS) for c in CORRUPTIONS}
    whole = robustness_section(Robustness(5, 9, Score(0.8, 0.9), scores))
    assert whole.told[0] == "No corruption takes more than 20% of its AP50, at any strength."
    assert whole.numbers["relative_ap50"] == pytest.approx(1.0)
    scores["jpeg"] = tuple(Score(ap50, 0.5) for ap50 in (0.8, 0.7, 0.6, 0.2, 0.1))
    scores["noise"] = tuple(Score(ap50, 0.5) for ap50 in (0.8, 0.7, 0.7, 0.7, 0.0))
    broken = robustness_section(Robustness(5, 9, Score(0.8, 0.9), scores))
    assert broken.told[0].startswith("JPEG breaks it first: at strength 3 of 5 (15 of quality)")
    for figure in broken.figures:
        assert ElementTree.fromstring(figure.content).tag.endswith("svg")
    blind = {c.name: tuple(Score(0.0, 0.0) for _ in STRENGTHS) for c in CORRUPTIONS}
    nothing = robustness_section(Robustness(5, 9, Score(0.0, 0.0), blind))
    assert nothing.numbers["relative_ap50"] is None
