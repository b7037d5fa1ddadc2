"""Classes of dataset and model are matched by name."""

import pytest
from evaluated import NAMES, Shot, dataset_of

from beltmark.contract.errors import InputError
from training.evaluate.classes import UNKNOWN, match_classes
from training.evaluate.matching import truth_of

BOX = (0.0, 0.0, 9.0, 9.0)


def test_the_order_may_differ_and_either_side_may_have_more() -> None:
    shots = [Shot([("tube", BOX), ("stapler", BOX), ("carton", BOX)])]
    dataset = dataset_of(shots, ("tube", "stapler", "carton"))
    classes = match_classes(dataset, NAMES, None)
    assert classes.unknown == ("stapler",)
    assert classes.absent == ("cup", "none")
    truth = truth_of(dataset.images[0], classes)
    assert truth.labels.tolist() == [2, UNKNOWN, 0]
    assert truth.unknown is not None
    assert truth.unknown.tolist() == [False, True, False]


def test_to_a_model_that_can_say_so_an_unknown_product_is_none_of_these() -> None:
    dataset = dataset_of([Shot([("stapler", BOX), ("cup", BOX)])], ("cup", "stapler"))
    truth = truth_of(dataset.images[0], match_classes(dataset, NAMES, "none"))
    assert truth.labels.tolist() == [3, 1]
    assert truth.unknown is not None
    assert truth.unknown.tolist() == [True, False]


def test_no_class_in_common_is_a_mistake_unless_it_is_meant() -> None:
    dataset = dataset_of([Shot([("stapler", BOX)])], ("stapler",))
    with pytest.raises(InputError, match=r"stapler.*--unknown"):
        match_classes(dataset, NAMES, "none")
    assert match_classes(dataset, NAMES, "none", may_differ=True).indices == (UNKNOWN,)


def test_a_class_is_known_by_what_a_model_calls_it() -> None:
    dataset = dataset_of([Shot([("Big Cup", BOX)])], ("Big Cup", "Tube"))
    classes = match_classes(dataset, ("big_cup", "carton"), None)
    assert classes.indices == (0, UNKNOWN)
    assert classes.unknown == ("Tube",)
    assert classes.absent == ("carton",)
