"""The whole API as it describes itself, asked with what fits and with what does not.

Whatever is asked: no error of the server's own, and each answer is as the description says.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fleet_app import FleetApp, fleet_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES = 25
"""Of each kind for each operation; all of it takes about half a minute."""

KNOWN = {
    "device": "belt-1",
    "item_id": "i1",
    "release": "release-1",
    "file": "timestamp.json",
}
"""What is there: otherwise hardly anything would come further than that it is not."""

UNKNOWN = {"GET /tuf/targets/blobs/{sha256}", "GET /api/v1/samples/{device}/{sample_id}/image"}
"""Nobody guesses a digest, and no sample is there."""


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetApp]:
    with fleet_app(tmp_path) as made:
        yield made


def operations(fleet: FleetApp) -> list[schemathesis.APIOperation]:
    config = schemathesis.Config()  # nobody else's: there may be one in a folder above
    described = schemathesis.openapi.from_asgi("/api/v1/openapi.json", fleet.app, config=config)
    return [found.ok() for found in described.get_all_operations()]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_each_answer_is_as_it_is_described(mode: GenerationMode, fleet: FleetApp):
    statuses: dict[str, set[int]] = {}
    wrong: list[str] = []
    for operation in operations(fleet):
        reached = statuses[operation.label] = set()
        try:
            ask(operation, mode, fleet, reached)
        except FailureGroup as failures:
            wrong += [f"{operation.label}: {one}" for one in failures.exceptions]
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # there is nothing in it that could not fit
    assert not wrong, "\n\n".join(wrong)
    assert len(statuses) >= 14
    if mode is GenerationMode.POSITIVE:
        in_vain = {label for label, found in statuses.items() if not found & {200, 422}}
        assert in_vain == UNKNOWN, statuses


def ask(
    operation: schemathesis.APIOperation, mode: GenerationMode, fleet: FleetApp, reached: set[int]
) -> None:
    """Asks for one thing in many ways; notes which statuses came.

    Raises:
        FailureGroup: An answer is not as it is described.
        Unsatisfiable: There is no way of this kind.
    """

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def answers_as_described(case: schemathesis.Case, is_known: bool) -> None:
        if is_known and mode is GenerationMode.POSITIVE:
            for names in (case.path_parameters, case.body if isinstance(case.body, dict) else {}):
                names |= {name: KNOWN[name] for name in KNOWN.keys() & names.keys()}
        # What is sent may fit, and still be no picture, or no release that is there.
        excluded = [] if case.method == "GET" else [positive_data_acceptance]
        answer = case.call_and_validate(
            headers={"Authorization": authorization(case, fleet)}, excluded_checks=excluded
        )
        reached.add(answer.status_code)

    answers_as_described()


def authorization(case: schemathesis.Case, fleet: FleetApp) -> str:
    """What proves who asks: a device where devices ask, else a person."""
    schemes = {name for one in case.operation.definition.raw.get("security", []) for name in one}
    client = fleet.device if "device token" in schemes else fleet.admin
    return client.headers["Authorization"]
