"""Each section on evaluations small enough to be counted by hand."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from evaluated import NAMES, Shot, context_of, evaluation_of
from label_studio_tasks import HEIGHT, WIDTH, answer, region, task, write_tasks
from sklearn.metrics import roc_auc_score

from beltmark.contract.errors import InputError
from beltmark.contract.package import CurvePoint
from beltmark.datasets.label_studio.reading import read_label_studio
from training.evaluate import (
    annotators,
    classification,
    detection,
    mistakes,
    openset,
    parity,
    reliability,
    slices,
)
from training.evaluate.collection import SECTIONS, choose
from training.evaluate.context import Context, LeftOut
from training.evaluate.evaluation import metrics_of
from training.evaluate.openset import Sureness
from training.evaluate.parity_losses import loss_words, losses_of
from training.evaluate.section import Section
from training.evaluate.speed import slow_words, spread_rows

A, B, C = (0.0, 0.0, 20.0, 20.0), (40.0, 0.0, 60.0, 20.0), (0.0, 60.0, 30.0, 95.0)
SHOTS = [
    Shot([("carton", A), ("cup", B)], [("carton", A, 0.9), ("tube", B, 0.8)], scene="1"),
    Shot([("cup", A)], [("cup", A, 0.7), ("carton", C, 0.6)], scene="2"),
    Shot([("none", B)], [("none", B, 0.9)], scene="3"),
    Shot([("tube", C)], [], scene="3", truncated=True),
]


def made(given: Section | LeftOut) -> Section:
    assert isinstance(given, Section), given
    for figure in given.figures:
        if figure.media_type == "image/svg+xml":
            ElementTree.fromstring(figure.content)
    for table in given.tables:
        assert {len(row) for row in table.rows} <= {len(table.header)}
    return given


def test_detection_counts_at_the_operating_point() -> None:
    section = made(detection.section(context_of(SHOTS, threshold=0.65)))
    # Answers from 0.65 on: carton right, tube wrong, cup right, none right; five objects.
    assert section.numbers["precision"] == pytest.approx(3 / 4)
    assert section.numbers["recall"] == pytest.approx(3 / 5)
    assert section.numbers["f1"] == pytest.approx(2 * 3 / (4 + 5), abs=1e-6)
    assert section.numbers["ap50_none"] == 1
    assert section.numbers["ap50_tube"] == 0
    assert section.numbers["large_objects"] == 5
    low, value, high = (section.numbers[f"ap50{end}"] for end in ("_low", "", "_high"))
    assert low is not None
    assert value is not None
    assert high is not None
    assert low <= value <= high


def test_the_best_threshold_takes_answers_of_equal_score_together() -> None:
    shots = [
        Shot([("cup", A)], [("cup", A, 0.5)]),
        Shot([("cup", A)], [("cup", A, 0.5), ("cup", C, 0.5), ("cup", B, 0.2)]),
    ]
    numbers = made(detection.section(context_of(shots))).numbers
    assert numbers["f1_best"] == pytest.approx(2 * 2 / (3 + 2))
    assert numbers["f1_best_threshold"] == pytest.approx(0.5)


def test_the_threshold_is_the_one_that_the_curve_suggests() -> None:
    points = tuple(
        CurvePoint(threshold=t, precision=p, coverage=0.5) for t, p in ((0.3, 0.9), (0.75, 1.0))
    )
    context = context_of(SHOTS, curve=points)
    assert context.threshold == 0.75
    assert "0.75" in context.told_threshold()
    assert context_of(SHOTS).threshold == 0.5
    assert "nowhere" in context_of(SHOTS).told_threshold()


def test_a_section_that_needs_boxes_says_so() -> None:
    left = detection.section(context_of([Shot(whole="cup", found=[("cup", A, 0.9)])]))
    assert isinstance(left, LeftOut)
    assert "box" in left.reason


def test_what_a_whole_image_is_called_is_an_answer_and_nothing_else_is() -> None:
    shots = [Shot(whole="cup", found=[("cup", A, 0.9), ("tube", B, 0.4)])] * 12
    shots += [Shot(whole="cup", found=[("tube", A, 0.8)])] * 12 + [Shot(whole="none")]
    context = context_of(shots)
    given = context.evaluation.answers
    assert given.right.tolist() == [True] * 12 + [False] * 12
    assert given.images.tolist() == list(range(24))
    assert given.objects == 24  # what is none of these asks for no answer
    assert made(reliability.section(context)).numbers["answers"] == 24
    assert metrics_of(context.evaluation)["top1"] == 12 / 25


def test_an_interval_is_drawn_from_the_scenes_that_have_a_part_in_the_figure() -> None:
    shots = [
        Shot([("cup", A)], [("cup" if n % 2 else "tube", A, 0.9)], scene=str(n)) for n in range(4)
    ]
    empty = [Shot(scene=f"empty-{n}") for n in range(20)]
    alone, beside = (
        made(classification.section(context_of(each))) for each in (shots, shots + empty)
    )
    assert "from 4 scenes" in alone.told[0]
    assert beside.told[0] == alone.told[0]


def test_classification_of_boxes() -> None:
    section = made(classification.section(context_of(SHOTS)))
    assert section.numbers["top1"] == pytest.approx(3 / 5)
    assert section.numbers["objects"] == 5
    assert section.numbers["answered"] == pytest.approx(4 / 5)
    assert section.numbers["right_of_answered"] == pytest.approx(3 / 4)
    matrix = next(table for table in section.tables if table.title.startswith("Confusion"))
    assert matrix.header == ("", "carton", "cup", "tube", "none of these", "nothing")
    assert {row[0]: row[1:] for row in matrix.rows} == {
        "carton": (1, 0, 0, 0, 0),
        "cup": (0, 1, 1, 0, 0),
        "tube": (0, 0, 0, 0, 1),
        "none of these": (0, 0, 0, 1, 0),
        "nothing there": (1, 0, 0, 0, 0),
    }


def test_classification_of_whole_images() -> None:
    shots = [
        Shot(whole="cup", found=[("cup", A, 0.9), ("tube", B, 0.8)]),
        Shot(whole="cup", found=[("tube", A, 0.3)]),
        Shot(whole="tube", found=[("tube", A, 0.2)]),
        Shot(whole="carton", found=[]),
    ]
    section = made(classification.section(context_of(shots)))
    assert section.numbers["top1"] == pytest.approx(2 / 4)
    assert section.numbers["images"] == 4
    assert section.numbers["answered"] == pytest.approx(1 / 4)


def test_one_against_rest_is_nan_where_there_is_no_rest() -> None:
    scores = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
    areas = classification.one_against_rest(np.array([0, 0]), scores, np.array([0]))
    assert np.isnan(areas).all()
    areas = classification.one_against_rest(np.array([0, 1]), scores, np.array([0, 1]))
    assert areas.tolist() == [1, 1]


def test_names_from_outside_do_not_become_markup() -> None:
    context = context_of(SHOTS, ("carton", "cup", "tube", "none", "<script>alert(1)</script>"))
    for figure in made(classification.section(context)).figures:
        assert b"<script" not in figure.content


def test_slices_tell_count_and_interval() -> None:
    shots = [
        Shot([("cup", A)], [("cup", A, 0.9)], scene=str(n), attributes={"light": "day"})
        for n in range(12)
    ] + [
        Shot([("cup", A)], [], scene=str(n), attributes={"light": "night"}, truncated=True)
        for n in range(12, 15)
    ]
    section = made(slices.section(context_of(shots)))
    rows = {(row[0], row[1]): row[2:] for row in section.tables[0].rows}
    images, objects, right, low, high = rows["light", "day"]
    assert (images, objects, right, high) == (12, 12, 1, 1)
    assert isinstance(low, float)
    assert 0.7 < low < 0.75  # exact binomial: 12 of 12 prove no more
    assert rows["truncated", "yes"][2] == 0
    assert section.numbers["right"] == pytest.approx(12 / 15)
    assert section.numbers["right_light_night"] == 0
    assert rows["scene", "3 (one scene: too narrow)"][1] == 1


def test_slices_by_attribute_leave_out_those_with_many_values() -> None:
    shots = [
        Shot([("cup", A)], [("cup", A, 0.9)], attributes={"item": str(n), "station": str(n % 2)})
        for n in range(20)
    ]
    kinds = {row[0] for row in made(slices.section(context_of(shots))).tables[0].rows}
    assert "station" in kinds
    assert "item" not in kinds


def calibrated_shots(count: int, scenes: int) -> list[Shot]:
    """Scores that are far too sure: 0.95, of which half are right."""
    return [
        Shot(
            [("cup", A)],
            [("cup", A, 0.95) if n % 2 else ("tube", A, 0.95)],
            scene=str(n % (scenes * 2) // 2),
        )
        for n in range(count)
    ]


def test_calibration_is_fitted_on_other_scenes() -> None:
    section = made(reliability.section(context_of(calibrated_shots(80, 4))))
    assert section.numbers["ece"] == pytest.approx(0.45, abs=1e-3)
    assert section.numbers["ece_fitted"] == pytest.approx(0.04, abs=0.02)  # 20 is the limit
    assert section.numbers["temperature_fitted"] == pytest.approx(20, rel=0.01)
    assert "other scenes" in " ".join(section.told)
    assert "NO TEMPERATURE HELPS" in " ".join(section.told)


def test_calibration_is_fitted_on_the_part_put_aside_and_on_nothing_else() -> None:
    sure = [Shot([("cup", A)], [("cup", A, 0.6)]) for _ in range(40)]
    context = context_of(calibrated_shots(80, 1), fitting=evaluation_of(sure))
    section = made(reliability.section(context))
    temperature = section.numbers["temperature_fitted"]
    assert temperature is not None
    assert temperature < 1
    alone = made(reliability.section(context_of(calibrated_shots(80, 1))))
    assert alone.numbers["ece_fitted"] is None
    assert "single scene" in " ".join(alone.told)


def test_scores_before_calibration_are_those_without_the_shipped_temperature() -> None:
    shots = calibrated_shots(40, 2)
    numbers = made(reliability.section(context_of(shots, temperature=2.0))).numbers
    # 0.95 is 0.9972 divided by 2 in its logit.
    assert numbers["ece_before"] == pytest.approx(0.9972 - 0.5, abs=1e-3)
    assert numbers["temperature_shipped"] == 2


def test_unknown_products_are_set_against_known_ones() -> None:
    shots = [
        Shot([("cup", A), ("stapler", B)], [("cup", A, 0.9), ("tube", B, s)], scene=str(n))
        for n, s in enumerate((0.2, 0.7, 0.95, 0.1))
    ]
    context = context_of(shots, ("cup", "stapler"), threshold=0.6)
    section = made(openset.section(context))
    assert section.numbers["unknown"] == 4
    assert section.numbers["auroc"] == pytest.approx(0.75)
    assert section.numbers["fpr_at_95"] == pytest.approx(0.25)
    assert section.numbers["printed_share"] == pytest.approx(0.5)


def test_none_of_these_on_an_unknown_product_prints_nothing() -> None:
    shots = [Shot([("cup", A)], [("cup", A, 0.9)])]
    other = [Shot([("stapler", A)], [("none", A, 0.9)])]
    context = context_of(shots, unknown=evaluation_of(other, ("stapler",)), threshold=0.1)
    section = made(openset.section(context))
    assert section.numbers["printed_share"] == 0
    assert section.numbers["auroc"] == 1


def test_whole_images_of_unknown_products_count_too() -> None:
    shots = [Shot(whole="cup", found=[("cup", A, 0.5)])]
    other = [Shot(whole="stapler", found=[("tube", A, 0.8)])]
    context = context_of(shots, unknown=evaluation_of(other, ("stapler",)))
    assert made(openset.section(context)).numbers["auroc"] == 0


def test_without_unknown_products_the_reason_is_told() -> None:
    left = openset.section(context_of([Shot([("cup", A)], [("cup", A, 0.9)])]))
    assert isinstance(left, LeftOut)
    assert "--unknown" in left.reason


def test_the_area_of_drawn_rows_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    known, others = (
        Sureness(rng.integers(0, 6, n).astype(np.float32) / 5 + shift, np.ones(n, bool), ("a",) * n)
        for n, shift in ((30, 0.2), (20, 0.0))
    )
    area, groups = openset._area_statistic(known, others)
    assert len(groups) == 50
    rows = rng.integers(0, 50, 50)
    truth = np.append(np.ones(30), np.zeros(20))
    scores = np.append(known.scores, others.scores)
    assert area(rows) == pytest.approx(roc_auc_score(truth[rows], scores[rows]))


def test_annotators_are_compared_on_the_same_picture() -> None:
    path = Path("shared.jpg")
    shots = [
        Shot(
            [("cup", A), ("cup", B)], [("cup", A, 0.9)], attributes={"annotator": "ann"}, path=path
        ),
        Shot([("tube", A)], [("cup", A, 0.9)], attributes={"annotator": "bob"}, path=path),
        Shot([("tube", A)], [], attributes={"annotator": "ann"}),
    ]
    section = made(annotators.section(context_of(shots)))
    assert section.numbers["people_place"] == pytest.approx(2 / 3)
    assert section.numbers["people_class"] == 0
    assert section.numbers["model_place"] == pytest.approx((2 / 3 + 1) / 2)
    assert section.numbers["pictures"] == 1
    assert isinstance(annotators.section(context_of(SHOTS)), LeftOut)


def test_what_annotators_call_a_whole_image_is_compared() -> None:
    def shots(number: int, ann: str, bob: str, found: float) -> list[Shot]:
        return [
            Shot(
                found=[("cup", A, found)],
                whole=name,
                attributes={"annotator": who},
                path=Path(f"{number}.jpg"),
            )
            for who, name in (("ann", ann), ("bob", bob))
        ]

    given = [
        *shots(1, "cup", "cup", 0.9),
        *shots(2, "cup", "tube", 0.8),
        *shots(3, "cup", "cup", 0.3),
    ]
    section = made(annotators.section(context_of(given)))
    assert section.numbers["people_place"] == 1
    assert section.numbers["people_class"] == pytest.approx(2 / 3)
    assert section.numbers["model_place"] == pytest.approx(2 / 3)  # one answer is not sure enough
    assert section.numbers["model_class"] == pytest.approx(3 / 4)


def _exported(folder: Path, *tasks: dict[str, Any]) -> Context:
    """Evaluates a model that found a cup at (16, 12, 48, 36) in each image of an export."""
    for number in range(1, len(tasks) + 1):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    dataset = read_label_studio(write_tasks(folder, list(tasks)))
    box = (16.0, 12.0, 48.0, 36.0)
    shots = [Shot([("cup", box)], [("cup", box, 0.9)], path=image.path) for image in dataset.images]
    return replace(context_of(shots), dataset=dataset)


def test_all_answers_of_an_export_are_compared_not_the_latest_alone(tmp_path: Path) -> None:
    ann = answer(region(), completed_by="ann")
    context = _exported(
        tmp_path,
        task(1, ann, answer(region(label="tube"), completed_by="bob"), answer(completed_by="cy")),
        task(2, ann, answer(region(x=0, y=0, width=20, height=20), completed_by="bob")),
        task(3, ann),
    )
    section = made(annotators.section(context))
    assert section.numbers["pictures"] == 2
    assert section.numbers["people_place"] == pytest.approx(1 / 4)
    assert section.numbers["people_class"] == 0
    assert section.numbers["model_place"] == pytest.approx(3 / 5)
    assert section.numbers["model_class"] == pytest.approx(2 / 3)
    # Who agrees least stands first; the model stands beside each person.
    assert [row[:3] for row in section.tables[0].rows[2:]] == [
        ("ann and cy", 1, 0), ("bob and cy", 1, 0), ("ann and bob", 2, 0.5),
        ("the model and cy", 1, 0), ("the model and bob", 2, 0.5), ("the model and ann", 2, 1),
    ]  # fmt: skip


def test_only_the_images_that_are_judged_by_are_compared(tmp_path: Path) -> None:
    both = [answer(region(), completed_by=name) for name in ("ann", "bob")]
    context = _exported(tmp_path, task(1, *both), task(2, *both))
    first = evaluation_of([Shot(path=context.evaluation.images[0].path)])
    section = made(annotators.section(replace(context, evaluation=first)))
    assert section.numbers["pictures"] == 1
    assert section.numbers["model_place"] == 0


@pytest.mark.parametrize(
    ("early", "told"),
    [
        (answer(region(), completed_by="ann"), "more than one person"),
        (answer(region(rotation=20), completed_by="bob"), "cannot be read: .* turned by 20"),
    ],
)
def test_an_export_without_two_peoples_answers_says_why(
    tmp_path: Path, early: dict[str, Any], told: str
) -> None:
    late = answer(region(), completed_by="ann", updated_at="2026-11-26T00:00:00Z")
    left_out = annotators.section(_exported(tmp_path, task(1, early, late)))
    assert isinstance(left_out, LeftOut)
    assert re.search(told, left_out.reason)


def test_the_worst_mistakes_are_shown_with_their_pictures(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), np.full((100, 100, 3), 90, np.uint8))
    shots = [
        Shot([("cup", A), ("tube", C)], [("tube", A, 0.8), ("carton", B, 0.9)], path=path),
        Shot([("cup", A)], [("cup", A, 0.9)], path=path),
    ]
    section = made(mistakes.section(context_of(shots)))
    kinds = [row[1] for row in section.tables[0].rows]
    assert kinds == [mistakes.WRONG, mistakes.FALSE, mistakes.MISSED]
    assert [figure.media_type for figure in section.figures] == ["image/jpeg"] * 3
    assert cv2.imdecode(np.frombuffer(section.figures[0].content, np.uint8), 1) is not None
    assert section.numbers == {"wrong": 1, "false": 1, "missed": 1}
    assert isinstance(mistakes.section(context_of(shots[1:])), LeftOut)


def test_pictures_of_mistakes_are_bounded_and_of_each_kind() -> None:
    shots = [
        Shot([("cup", A)], [("tube", A, 0.8), ("carton", B, 0.9), ("carton", C, 0.7)])
        for _ in range(60)
    ] + [Shot([("cup", A)], []) for _ in range(10)]
    chosen = mistakes.worst(mistakes.mistakes(context_of(shots)))
    assert len(chosen) == mistakes.MOST
    assert {one.kind for one in chosen} == {mistakes.WRONG, mistakes.FALSE, mistakes.MISSED}


def test_what_is_slower_or_worse_is_said_loudly() -> None:
    assert slow_words(0.5, "x86_64-avx512_vnni")[0].startswith("SLOWER")
    assert not slow_words(2.0, "x86_64-avx512_vnni")[0].startswith("SLOWER")
    assert any("NO VNNI" in told for told in slow_words(None, "x86_64-avx2"))
    assert slow_words(None, "aarch64-asimddp") == []
    assert loss_words({"reference": 0.51})[0].startswith("WORSE")
    assert not loss_words({"reference": 0.49})[0].startswith("WORSE")


def test_no_slice_hides_another_whose_name_begins_alike() -> None:
    long = "arla medium fat milk arla medium fat milk "
    shots = [
        Shot([("cup", (10, 10, 40, 40))], [(name, (10, 10, 40, 40), 0.9)], f"{long}{k}")
        for k, name in enumerate(("cup", "tube", "cup"))
    ]
    made = slices.section(context_of(shots))
    assert isinstance(made, Section)
    shares = [value for name, value in made.numbers.items() if name.startswith("right_scene_arla")]
    assert shares == [1.0, 0.0, 1.0]


def test_what_a_classifier_lost_is_told_in_points_of_top1() -> None:
    shots = [
        Shot(whole=name, found=[(name, (0, 0, 100, 100), 0.9)], scene=str(k))
        for k, name in enumerate(("carton", "cup") * 4)
    ]
    context = context_of(shots)
    given = context.evaluation
    theirs = [each if row else each.only(np.zeros(1, bool)) for row, each in enumerate(given.found)]
    found = {"package": theirs, "reference": given.found}
    lost = losses_of(context, found, given.truths, np.arange(8))
    assert lost.measure == "top-1"
    assert lost.told == ["WORSE: the package loses 12.50 points of top-1 against reference."]
    assert lost.table.rows == [("package", 0.875), ("reference", 1.0)]
    low, high = (lost.numbers[f"loss_reference_points_{end}"] for end in ("low", "high"))
    assert low is not None
    assert high is not None
    assert low <= 12.5 <= high


def test_differences_gathered_piece_by_piece_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(size=(40, 3)).astype(np.float32)
    b = a + rng.normal(0, 0.2, size=a.shape).astype(np.float32)
    gathered = parity.Difference()
    for part in np.array_split(np.arange(40), 7):
        gathered.add(a[part], b[part])
    assert gathered.most == pytest.approx(np.abs(a - b).max())
    assert gathered.mean == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
    expected = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert gathered.correlation == pytest.approx(expected, rel=1e-4)
    assert np.isnan(parity.Difference().mean)


def test_rows_are_spread_and_bounded() -> None:
    assert spread_rows(3, 8) == [0, 1, 2]
    assert spread_rows(100, 3) == [0, 49, 99]
    assert spread_rows(1, 8) == [0]


def test_sections_are_chosen_by_name() -> None:
    assert choose() == tuple(SECTIONS)
    assert choose(only=("speed", "detection")) == ("detection", "speed")
    assert "speed" not in choose(skip=("speed",))
    for wrong in ({"only": ("speeed",)}, {"skip": tuple(SECTIONS)}):
        with pytest.raises(InputError):
            choose(**wrong)


def test_each_section_goes_by_the_key_that_it_is_listed_under() -> None:
    context = context_of(SHOTS)
    for key, maker in SECTIONS.items():
        if key in ("speed", "mistakes", "robustness"):
            continue  # they look at image files
        given = maker(context)
        assert isinstance(given, LeftOut) or getattr(given, "key", None) == key
    assert NAMES[3] == "none"


def test_coarser_classes_are_named_by_the_sum_over_their_classes() -> None:
    def shot(whole: str, parent: str, *found: tuple[str, float]) -> Shot:
        attributes = {"coarse_class_id": parent}
        return Shot(whole=whole, found=[(name, A, p) for name, p in found], attributes=attributes)

    shots = [
        shot("cup", "round", ("tube", 0.9)),  # the wrong class of the right kind
        shot("tube", "round", ("carton", 0.8)),
        shot("carton", "square", ("carton", 0.7)),
    ]
    numbers = made(classification.section(context_of(shots))).numbers
    assert numbers["top1"] == pytest.approx(1 / 3, abs=1e-6)
    assert numbers["top1_coarse"] == pytest.approx(2 / 3, abs=1e-6)
    shots.append(shot("carton", "round", ("carton", 0.7)))  # so carton is of two: no hierarchy
    assert "top1_coarse" not in made(classification.section(context_of(shots))).numbers
