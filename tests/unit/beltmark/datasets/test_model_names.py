from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from beltmark.contract.errors import InputError
from beltmark.contract.package import ClassName
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.model_names import model_name, with_model_names


def dataset(*names: str) -> Dataset:
    return Dataset(Path("photographs"), "0" * 64, names, (), 0)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("none_of_these", "none_of_these"),
        ("Golden-Delicious", "golden-delicious"),
        ("Fruit/Apple/Golden-Delicious", "fruit_apple_golden-delicious"),
        ("Crème fraîche (200 g)", "creme_fraiche_200_g"),
        ("_private", "private"),
        ("a__b-", "a__b-"),
        ("Coca-Cola Zéro", "coca-cola_zero"),
        ("x" * 60 + "/the-end", "x" * 56 + "_the-end"),
    ],
)
def test_names_become_plain(name: str, called: str) -> None:
    assert model_name(name) == called


@given(st.text(max_size=120))
def test_what_is_left_of_a_name_is_a_name_for_a_model_and_stays(name: str) -> None:
    called = model_name(name)
    if called:
        assert TypeAdapter(ClassName).validate_python(called) == called
        assert model_name(called) == called


def test_names_that_cannot_be_told_are_refused() -> None:
    assert with_model_names(dataset("Cup", "Big Tube")).class_names == ("cup", "big_tube")
    with pytest.raises(InputError, match="'Cup 1' and 'Cup_1' would both be called 'cup_1'"):
        with_model_names(dataset("Cup 1", "Cup_1"))
    with pytest.raises(InputError, match="rename it"):
        with_model_names(dataset("Cup", "茶杯"))
