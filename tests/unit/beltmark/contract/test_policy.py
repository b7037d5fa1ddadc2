"""The policy: what older stations read of it, and what is refused."""

import json

import pytest
from pydantic import ValidationError

from beltmark.contract.policy import Policy

FIRST_FIELDS = {
    "format_version",
    "target_precision",
    "threshold",
    "min_votes",
    "min_agreement",
    "min_margin",
}


def test_one_that_asks_for_nothing_new_is_written_as_older_stations_read_it() -> None:
    assert set(json.loads(Policy(threshold=0.7).model_dump_json())) == FIRST_FIELDS


def test_one_that_does_is_written_whole_and_read_back() -> None:
    policy = Policy(outranks=("barcode", "shape"), unexpected="reject", max_tolerance_mm=4.0)
    written = json.loads(policy.model_dump_json())
    assert set(written) == FIRST_FIELDS | {"outranks", "unexpected", "max_tolerance_mm"}
    assert Policy.model_validate(written) == policy


def test_one_of_before_is_what_it_was() -> None:
    policy = Policy.model_validate({"format_version": 1, "threshold": 0.7})
    assert not policy.ranks_before_shape("barcode")
    assert not policy.ranks_before_shape("order")
    assert (policy.unexpected, policy.max_tolerance_mm) == ("review", None)


@pytest.mark.parametrize("outranks", [["barcode"], ["shape", "shape"], ["shape", "smell"], []])
def test_an_order_of_evidence_names_the_shape_and_nothing_twice(outranks: list[str]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"outranks": outranks})
