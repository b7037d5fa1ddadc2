from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from beltmark.contract.errors import InputError
from beltmark.contract.package import ClassName
from training.compose.naming import package_names

FILE = Path("annotations.json")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("carton", "carton"), ("a__b-", "a__b-"), ("Golden Delicious", "golden_delicious"),
        ("Coca-Cola Zéro", "coca-cola_zero"), (" Tea (20 bags)", "tea_20_bags"),
    ],
)  # fmt: skip
def test_only_what_does_not_fit_is_changed(name: str, made: str) -> None:
    assert package_names([name], FILE) == {name: made}


@given(st.sets(st.text(min_size=1, max_size=80), max_size=4))
def test_what_is_given_fits_a_package_and_differs(names: set[str]) -> None:
    try:
        found = package_names(names, FILE)
    except InputError:
        return
    assert found.keys() == names
    assert len(set(found.values())) == len(names)
    for made in found.values():
        TypeAdapter(ClassName).validate_python(made)
        assert package_names([made], FILE) == {made: made}
